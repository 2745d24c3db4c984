"""Writes questions for `tollgate price` with the answers of a calculator of its own, one JSON object a line:
price_cases.py MODELS.TXT COUNT SEED.  The arithmetic is that of fractions; nothing is shared with the gateway but the
text of the catalog.
"""
import datetime
import json
import random
import sys
from fractions import Fraction

WITHIN = {
    "cache_read": ["input"], "cache_write": ["input"], "cache_write_1h": ["cache_write", "input"],
    "reasoning": ["output"], "citation": ["output"], "input_audio": ["input"], "output_audio": ["output"],
    "cache_read_audio": ["cache_read", "input_audio", "input"],
    "cache_write_audio": ["cache_write", "input_audio", "input"], "input_image": ["input"], "output_image": ["output"],
    "cache_read_image": ["cache_read", "input_image", "input"], "input_video": ["input"], "output_video": ["output"],
    "annotated_page": ["page"], "input_audio_hour": ["audio_hour"], "output_audio_hour": ["audio_hour"],
}
COUNTER = {
    "cache_read": "cache_read_tokens", "cache_write": "cache_write_tokens", "cache_write_1h": "cache_write_1h_tokens",
    "reasoning": "output_reasoning_tokens", "citation": "output_citation_tokens", "input": "input_tokens",
    "output": "output_tokens", "input_audio": "input_audio_tokens", "output_audio": "output_audio_tokens",
    "cache_read_audio": "cache_audio_read_tokens", "cache_write_audio": "cache_audio_write_tokens",
    "input_image": "input_image_tokens", "output_image": "output_image_tokens",
    "cache_read_image": "cache_image_read_tokens", "input_video": "input_video_tokens",
    "output_video": "output_video_tokens", "request": "requests", "web_search": "web_searches",
    "web_search_low": "web_searches_low", "web_search_medium": "web_searches_medium",
    "web_search_high": "web_searches_high", "file_search": "storage_searches", "social_search": "social_searches",
    "code_execution": "code_executions", "rerank_search": "rerank_searches", "page": "input_document_pages",
    "annotated_page": "input_annotated_document_pages", "text_message": "input_text_messages",
    "input_chars": "input_characters", "output_chars": "output_characters", "audio_hour": "audio_seconds",
    "input_audio_hour": "input_audio_seconds", "output_audio_hour": "output_audio_seconds",
    "input_video_second": "input_video_seconds", "output_video_second": "output_video_seconds",
    "input_image_each": "input_images", "output_image_each": "output_images",
}


def per(key):
    if key.endswith("_hour"):
        return 3600
    return 1000000 if COUNTER[key].endswith("_tokens") or key.endswith("_chars") else 1


def rates(words):
    return {key: Fraction(value) for key, _, value in (word.partition("=") for word in words) if key in COUNTER}


def catalog(path):
    models, vendor, model = [], None, None
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] == "vendor":
            vendor = words[1]
        elif words[0] == "model":
            fields = dict(word.partition("=")[::2] for word in words[3:] if "=" in word)
            model = {"vendor": vendor, "id": words[1], "blocks": [], "services": {},
                     "least": int(fields.get("min_seconds", 0))}
            models.append(model)
        elif words[0] == "price":
            block = {"currency": words[1], "from": None, "tod": None, "region": "", "tiers": [],
                     "rates": rates(words[2:])}
            for word in words[2:]:
                key, _, value = word.partition("=")
                if key in ("from", "tod", "region"):
                    block[key] = value
            model["blocks"].append(block)
        elif words[0] == "above":
            model["blocks"][-1]["tiers"].append((int(words[1]), rates(words[2:])))
        elif words[0] == "batch":
            model["services"]["batch"] = rates(words[1:])
        elif words[0] == "service":
            model["services"][words[1]] = rates(words[2:])
    return models


def holds(block, when):
    if block["from"] and when.date().isoformat() < block["from"]:
        return False
    if block["tod"]:
        begin, end = block["tod"].split("-")
        clock = when.strftime("%H:%M")
        return begin <= clock < end if begin < end else clock >= begin or clock < end
    return True


def leaves(priced, usage):
    done = {}
    def leaf(key):
        if key not in done:
            inner = [other for other in priced if key in WITHIN.get(other, [])]
            done[key] = usage.get(key, 0) - sum(leaf(other) for other in inner)
        return done[key]
    return {key: leaf(key) for key in priced}


def cost(model, currency, region, when, service, usage):
    blocks = [b for b in model["blocks"] if b["currency"] == currency and b["region"] == region]
    good = [b for b in blocks if holds(b, when)]
    block = good[-1] if good else blocks[0]
    table = dict(block["rates"])
    for above, replaced in block["tiers"]:
        if usage.get("input", 0) > above:
            base = dict(block["rates"])
            base.update(replaced)
            table = base
    table.update(model["services"].get(service, {}))
    usage = dict(usage)
    for key in ("audio_hour", "input_audio_hour"):
        if usage.get(key):
            usage[key] = max(usage[key], model["least"])
    usage.setdefault("request", 1)
    parts = leaves(table, usage)
    if min(parts.values(), default=0) < 0:
        return None
    return sum((table[key] * count / per(key) for key, count in parts.items()), Fraction(0))


def make_usage(random, keys):
    size = random.choice([1, 10, 1000, 100000, 300000, 1000000])
    usage = {"input": random.randint(0, size), "output": random.randint(0, size)}
    left = {"input": usage["input"], "output": usage["output"]}
    for key in keys:
        tops = [outer for outer in WITHIN.get(key, []) if outer in left]
        if key in usage:
            continue
        if tops and len(WITHIN[key]) == 1:
            share = random.randint(0, left[tops[0]])
            usage[key] = share
            left[tops[0]] -= share
        elif not WITHIN.get(key):
            usage[key] = random.randint(0, 5000)
    for key, outer in (("cache_write_1h", "cache_write"), ("annotated_page", "page"),
                       ("input_audio_hour", "audio_hour")):
        if key in keys and outer in usage:
            usage[key] = random.randint(0, usage[outer])
    if "cache_read_audio" in keys and usage.get("input_audio") and "cache_read" in usage:
        both = random.randint(0, min(usage["input_audio"], usage["cache_read"]))
        usage["cache_read_audio"] = both
    return usage


def main():
    random.seed(int(sys.argv[3]))
    models = [m for m in catalog(sys.argv[1]) if m["blocks"]]
    special = [m for m in models if len(m["blocks"]) > 1 or m["services"] or m["blocks"][0]["tiers"]]
    for i in range(int(sys.argv[2])):
        model = random.choice(special if i % 2 else models)
        block = random.choice(model["blocks"])
        when = datetime.datetime(2024, 1, 1) + datetime.timedelta(minutes=random.randint(0, 3 * 365 * 1440))
        billed = any(any(b["rates"].values()) for b in model["blocks"])
        service = random.choice([*model["services"], ""]) if model["services"] and billed else ""
        keys = sorted({key for b in model["blocks"] for key in b["rates"]})
        usage = make_usage(random, keys)
        if i % 50 == 49:
            usage["cache_read"] = usage["input"] + 1
        question = {"vendor": model["vendor"], "model": model["id"], "timestamp": when.isoformat() + "Z",
                    "currency": block["currency"], "usage": {COUNTER[key]: n for key, n in usage.items()}}
        if block["region"]:
            question["region"] = block["region"]
        if service:
            question["service"] = service
        want = cost(model, block["currency"], block["region"], when, service, usage)
        print(json.dumps({"question": question, "want": None if want is None else f"{want.numerator}/{want.denominator}"}))


main()
