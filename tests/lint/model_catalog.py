"""metrics/catalog/models.txt: unique ids, sane ranges, no slips of units, every vendor priced or said not to be.

Bounds are wide: what they catch is a price per thousand or per token where one per million belongs, or a typing error.
"""
import datetime
import re
from decimal import Decimal, InvalidOperation

import cpp

TYPES = set("chat completion embedding rerank stt tts realtime image video ocr moderation search".split())
MARKS = {"free", "zero", "suspect", "converted"}
# Smallest and largest figure above zero, in US dollars, of keys that are per million tokens; others by name.
TOKENS = (Decimal("0.001"), Decimal(600))
OTHERS = {"input_chars": (Decimal("0.01"), Decimal(500)), "output_chars": (Decimal("0.01"), Decimal(500)),
          "audio_hour": (Decimal("0.01"), Decimal(50)), "input_audio_hour": (Decimal("0.01"), Decimal(50)),
          "output_audio_hour": (Decimal("0.01"), Decimal(50))}
EACH = (Decimal("0.000001"), Decimal(3))
PER_MILLION = set("input output cache_read cache_write cache_write_1h reasoning citation input_audio output_audio "
                  "cache_read_audio cache_write_audio input_image output_image cache_read_image input_video "
                  "output_video".split())
KEYS = PER_MILLION | set(OTHERS) | set(
    "request web_search web_search_low web_search_medium web_search_high file_search social_search code_execution "
    "rerank_search page annotated_page text_message input_video_second output_video_second input_image_each "
    "output_image_each".split())
# How much of a currency a US dollar is at most worth.
WORTH = {"USD": 1, "CNY": 8, "EUR": 1}


class Check:
    def __init__(self, report, path):
        self.report, self.path = report, path
        self.vendors, self.vendor, self.model = {}, None, None

    def flag(self, number, message):
        self.report.add(self.path, number, message)

    def line(self, number, text):
        word, _, rest = text.strip().partition(" ")
        if text.startswith("vendor "):
            self.start_vendor(number, rest.split())
        elif text.startswith("model "):
            self.start_model(number, rest)
        elif word == "unpriced":
            self.vendor["unpriced"] = number
        elif word == "price":
            self.price(number, rest.split())
        elif word == "above":
            self.above(number, rest.split())
        elif word in ("batch", "service"):
            pairs = rest.split()[1 if word == "service" else 0:]
            self.rates(number, pairs, "USD")
        elif word == "times":
            for pair in rest.split():
                if not Decimal("0.5") <= self.amount(number, pair.partition("=")[2]) <= 10:
                    self.flag(number, f"{pair}: a factor from 0.5 to 10 was expected")
        elif word == "image":
            for pair in rest.split():
                if not 0 < self.amount(number, pair.partition("=")[2]) <= 5:
                    self.flag(number, f"{pair}: an image for up to 5 USD was expected")
        else:
            self.flag(number, f"'{word}' is no record")

    def start_vendor(self, number, words):
        self.finish_vendor()
        names = [words[0]]
        for word in words[1:]:
            key, _, value = word.partition("=")
            if key == "alias":
                names += value.split(",")
        for name in names:
            if name in self.vendors:
                self.flag(number, f"'{name}' names two vendors")
            self.vendors[name] = number
        self.vendor = {"name": words[0], "line": number, "ids": {}, "aliases": {}, "unpriced": None, "priced": False}

    def finish_vendor(self):
        vendor = self.vendor
        if vendor is None:
            return
        if vendor["priced"] == (vendor["unpriced"] is not None):
            self.flag(vendor["line"], f"{vendor['name']} must have either a price that may be billed or a line `unpriced`")
        for alias, number in vendor["aliases"].items():
            if alias in vendor["ids"]:
                self.flag(number, f"the alias '{alias}' is an id of its own")

    def start_model(self, number, rest):
        fields, _, _ = rest.partition(" name=")
        words = fields.split()
        self.model = {"prices": 0, "above": 0, "rates": {}}
        key = words[0].lower()
        if key in self.vendor["ids"]:
            self.flag(number, f"'{words[0]}' twice, before in line {self.vendor['ids'][key]}")
        self.vendor["ids"][key] = number
        if words[1] not in TYPES:
            self.flag(number, f"'{words[1]}' is no type of model")
        values = dict(word.partition("=")[::2] for word in words[2:])
        for name, low, high in (("ctx", 64, 20_000_000), ("out_max", 1, 20_000_000), ("in_max", 1, 20_000_000),
                                ("dims", 8, 65536), ("batch_max", 1, 100_000)):
            if name in values and not low <= int(values[name]) <= high:
                self.flag(number, f"{name}={values[name]}: from {low} to {high} was expected")
        both = set(values.get("can", "").split(",")) & set(values.get("no", "").split(",")) - {""}
        if both:
            self.flag(number, f"both there and absent: {', '.join(sorted(both))}")
        if "until" in values:
            self.date(number, values["until"])
        for alias in filter(None, values.get("alias", "").split(",")):
            self.vendor["aliases"][alias.lower()] = number

    def price(self, number, words):
        currency, words = words[0], words[1:]
        if currency not in WORTH:
            self.flag(number, f"'{currency}' is no currency")
            return
        marks = [word for word in words if word in MARKS]
        for word in words:
            if word.startswith("from="):
                self.date(number, word[5:])
            if word.startswith("tod=") and not re.fullmatch(r"tod=([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", word):
                self.flag(number, f"{word} is no time of day")
        pairs = [word for word in words if word not in MARKS and not re.match("(from|tod|region)=", word)]
        rates = self.rates(number, pairs, currency, "suspect" in marks)
        costs = any(rates.values())
        if not costs and not set(marks) & {"free", "zero"}:
            self.flag(number, "costs nothing and is neither free nor zero")
        if costs and set(marks) & {"free", "zero"}:
            self.flag(number, f"{marks[0]}, and costs something")
        if (costs and "suspect" not in marks) or "free" in marks:
            self.vendor["priced"] = True
        self.model.update(rates=rates, currency=currency, above=0, prices=self.model["prices"] + 1)
        ratio(self, number, rates)

    def above(self, number, words):
        bound = int(words[0])
        if not max(1000, self.model["above"] + 1) <= bound <= 10_000_000:
            self.flag(number, f"above {bound}: tiers rise, and begin at 1,000 tokens or more")
        self.model["above"] = bound
        rates = self.rates(number, words[1:], self.model["currency"])
        for key, value in rates.items():
            base = self.model["rates"].get(key)
            if base and value and not base / 4 <= value <= base * 25:
                self.flag(number, f"{key}={value} above {bound} tokens, but {base} below")

    def rates(self, number, pairs, currency, is_suspect=False):
        rates = {}
        for pair in pairs:
            key, _, text = pair.partition("=")
            if key not in KEYS:
                self.flag(number, f"'{key}' is no price key")
                continue
            if key in rates:
                self.flag(number, f"{key} twice")
            value = rates[key] = self.amount(number, text)
            low, high = TOKENS if key in PER_MILLION else OTHERS.get(key, EACH)
            if value and not is_suspect and not low <= value <= high * WORTH[currency]:
                self.flag(number, f"{key}={text} {currency}: from {low} to {high} USD was expected; a slip of units?")
        return rates

    def amount(self, number, text):
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal(-1)
        if not re.fullmatch(r"\d+(\.\d{1,13})?", text):
            self.flag(number, f"'{text}' is no amount with up to thirteen decimals")
            return Decimal(0)
        return value

    def date(self, number, text):
        try:
            date = datetime.date.fromisoformat(text)
        except ValueError:
            self.flag(number, f"'{text}' is no date")
            return
        if not 2020 <= date.year <= 2035:
            self.flag(number, f"{text}: a year from 2020 to 2035 was expected")


def ratio(check, number, rates):
    """Figures of one model belong together: a slip in one of them stands out."""
    whole, out = rates.get("input"), rates.get("output")
    if whole and out and not Decimal("0.02") <= out / whole <= 250:
        check.flag(number, f"input={whole} and output={out}: a slip of units in one of them?")
    for key, low, high in (("cache_read", "0.004", "3"), ("cache_write", "0.01", "5"), ("cache_write_1h", "0.5", "4")):
        part = rates.get(key)
        if whole and part and not Decimal(low) <= part / whole <= Decimal(high):
            check.flag(number, f"input={whole} and {key}={part}: a slip of units in one of them?")


root = cpp.root_of_arguments(__doc__)
report = cpp.Report()
path = root / "metrics/catalog/models.txt"
check = Check(report, path.relative_to(root))
for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
    text = re.sub(r"\s*// .*$", "", text)
    if text.strip() and not text.startswith("#"):
        check.line(number, text)
check.finish_vendor()
built_in = root / "adapters/catalog.inc"
if built_in.exists():
    for number, text in enumerate(built_in.read_text().splitlines(), 1):
        match = re.match(r"TOLLGATE_VENDOR\((\w+)\)", text)
        if match and match.group(1) not in check.vendors:
            report.add(built_in.relative_to(root), number, f"{match.group(1)} is no vendor of the model catalog")
report.finish()
