// The counts that our tokenizer is tested with are those of the js-tiktoken package.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Tiktoken } from "js-tiktoken/lite";
import cl100k from "js-tiktoken/ranks/cl100k_base";
import o200k from "js-tiktoken/ranks/o200k_base";
import { samples } from "../golden/tokens/samples.mjs";

test("tests/golden/tokens/samples.jsonl says what js-tiktoken says", () => {
  const encodings = { cl100k: new Tiktoken(cl100k), o200k: new Tiktoken(o200k) };
  const lines = samples.map(({ name, text }) => ({
    name, text,
    cl100k: encodings.cl100k.encode(text, [], []).length,
    o200k: encodings.o200k.encode(text, [], []).length,
  }));
  const written = readFileSync(new URL("../golden/tokens/samples.jsonl", import.meta.url), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(written, lines);
});
