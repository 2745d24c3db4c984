#!/usr/bin/env python3
"""Writes the table of code point classes that the splitting rules of OpenAI's encodings need.

Usage: unicode_classes.py > ../unicode_classes.inc      (from the Unicode data that comes with Python)
"""
import sys
import unicodedata

WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}


def class_of(code):
    if code in (0x0A, 0x0D):
        return "newline"
    if code in WHITE_SPACE:
        return "space"
    category = unicodedata.category(chr(code))
    if category in ("Lu", "Lt"):
        return "upper"
    if category == "Ll":
        return "lower"
    if category in ("Lm", "Lo"):
        return "uncased"
    return {"M": "mark", "N": "number"}.get(category[0], "other")


print(f"// Made by tools/unicode_classes.py from Unicode {unicodedata.unidata_version}: where each run of one class begins.")
last = None
line = ""
for code in range(sys.maxunicode + 1):
    now = class_of(code)
    if now != last:
        entry = f"{{0x{code:05X}, CharClass::{now}}}, "
        if len(line) + len(entry) > 100:
            print(line.rstrip())
            line = ""
        line += entry
        last = now
print(line.rstrip())
