// What usage costs: `tollgate price` against a calculator of its own, and the same figures on the live path.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Gateway, compat, kBinary, run } from "./support/gateway.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/// Answers of `tollgate price` to questions, one for each.
function price(questions, args = []) {
  const input = questions.map((question) => JSON.stringify(question)).join("\n");
  const { stdout, status } = spawnSync(kBinary, ["price", ...args], { input, encoding: "utf8", cwd: tmpdir(), maxBuffer: 1 << 26 });
  return { status, answers: stdout.trim().split("\n").map((line) => JSON.parse(line)) };
}
/// A decimal as [numerator, denominator].
function fraction(text) {
  const [whole, part = ""] = text.split(".");
  return [BigInt(whole + part), 10n ** BigInt(part.length)];
}
const usage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100, prompt_tokens_details: { cached_tokens: 400 } };
const replies = {
  "gpt-4o": { usage },
  "gpt-4o-reported": { usage: { ...usage, cost: 0.0035 } },
  "gpt-4o-odd": { usage: { ...usage, cost: 5 } },
  "gpt-5.4": { usage, service_tier: "priority" },
  "sonar-deep-research": { usage: { prompt_tokens: 30, completion_tokens: 700, total_tokens: 730, citation_tokens: 2000, num_search_queries: 12, reasoning_tokens: 9000 } },
};
const piece = (delta, usage) => `data: {"id":"c","choices":[{"index":0,"delta":${delta},"finish_reason":null}]${usage}}\n\n`;
const upstream = await FakeUpstream.start({ after }, async (incoming) => {
  if (JSON.parse(incoming.body).stream) {
    const nulls = ',"usage":null';
    await incoming.stream();
    for (let i = 0; i < 3; i += 1) await incoming.chunk(piece('{"content":"a"}', nulls).repeat(40));
    await incoming.chunk('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n');
    await incoming.chunk(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
    return incoming.lastChunk();
  }
  const { model } = JSON.parse(incoming.body);
  return incoming.reply(200, {
    choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }],
    ...(replies[model] ?? replies["gpt-4o"]),
  });
});
const like = (vendor, more = {}) => compat(upstream, { default_model: "gpt-4o", price: { catalog: vendor, ...more } });
const providers = {
  demo: {},
  listed: like("openai"),
  cheaper: like("openai", { discount: "10%", margin: "5%" }),
  own: compat(upstream, { default_model: "gpt-4o" }),
  mine: compat(upstream, { default_model: "m", price: { free: true } }),
  research: { ...like("perplexity"), default_model: "sonar-deep-research" },
  dark: compat(upstream, { default_model: "m" }),
  azure_openai: { api_key: "k", base_url: upstream.url, deployment_map: { "gpt-4o": "depl" }, api_version: "2024-10-21" },
};
const config = {
  catalog_refresh: "off", providers, cost: { prices: { "own/gpt-4o": { input: 1, output: 2 }, "listed/gpt-4o-reported": { input: 2.5, output: 10 }, "listed/gpt-4o-odd": { input: 2.5, output: 10 } } } };
const gateway = await Gateway.start({ after }, config);

describe("tollgate price", () => {
  test("agrees with an independent calculator to the last digit that matters", () => {
    const text = execFileSync("python3", [here("support/price_cases.py"), here("../../metrics/catalog/models.txt"), "2000", "7"],
      { encoding: "utf8", maxBuffer: 1 << 26 });
    const cases = text.trim().split("\n").map((line) => JSON.parse(line));
    const { answers } = price(cases.map(({ question }) => question));
    assert.equal(answers.length, cases.length);
    let refused = 0;
    for (const [i, { question, want }] of cases.entries()) {
      const got = answers[i];
      if (want === null) {
        assert.match(got.error ?? "", /not valid/, JSON.stringify(question));
        refused += 1;
        continue;
      }
      assert.equal(got.error, undefined, JSON.stringify({ question, got }));
      assert.equal(got.currency, question.currency);
      const [n, d] = want.split("/").map(BigInt);
      const [gn, gd] = fraction(got.cost);
      const apart = gn * d - n * gd;
      // |got - want| <= 1e-9 want
      assert.ok((apart < 0n ? -apart : apart) * 1_000_000_000n <= n * gd, JSON.stringify({ question, got, want: Number(n) / Number(d) }));
    }
    assert.ok(refused > 5);
  });

  test("answers one question on the command line", async () => {
    const { code, stdout } = await run(["price", "openai/gpt-4o", "--input", "1000", "--cached", "400", "--output", "100", "--json"]);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).cost, "0.003");
    assert.equal((await run(["price", "openai/gpt-5.4", "--input", "1000000", "--service", "flex"])).stdout, "1.25 USD\n");
    assert.equal((await run(["price", "openai/no-such-model", "--input", "1"])).code, 1);
    assert.equal((await run(["price", "openai/gpt-4o", "--inputs", "1"])).code, 2);
  });

  test("says what is wrong with a line and goes on", () => {
    const { status, answers } = price([
      { vendor: "openai", model: "gpt-4o", usage: { input_tokens: 1 } },
      { vendor: "openai", model: "gpt-4o", usage: { input_tokens: -1 } },
      { vendor: "nobody", model: "gpt-4o", usage: {} },
      { vendor: "openai", model: "gpt-4o", usage: { tokens: 1 } },
      { vendor: "openai", model: "gpt-4o", usage: {}, timestamp: "yesterday" },
      { vendor: "baichuan", model: "Baichuan4", usage: {} },
    ]);
    assert.equal(status, 1);
    assert.equal(answers[0].cost, "0.0000025");
    assert.equal(answers[0].picodollars, 2500000);
    for (const answer of answers.slice(1)) assert.equal(typeof answer.error, "string");
  });

  test("converts at the configured rate, and speaks of the list's own currency when asked", () => {
    const path = join(gateway.dir, "rates.yaml");
    writeFileSync(path, "providers: {demo: {}}\ncost: {rates: {CNY: 7}}\n");
    const question = { vendor: "zhipu", model: "glm-4-plus", usage: { input_tokens: 1_000_000 } };
    const own = price([{ ...question, currency: "CNY" }]).answers[0];
    assert.equal(own.currency, "CNY");
    const { answers } = price([{ vendor: "huaweicloud_maas", model: "DeepSeek-V3", usage: { input_tokens: 7_000_000 } }], ["-c", path]);
    assert.equal(answers[0].currency, "USD");
    assert.equal(answers[0].list_currency, "CNY");
    assert.equal(Number(answers[0].cost), Number(answers[0].list_cost) / 7);
  });
});

describe("the cost of an answer", () => {
  const cost = async (model, more) => {
    const reply = await gateway.chat({ model, ...more });
    assert.equal(reply.status, 200, reply.text);
    return reply.headers["x-tollgate-cost-usd"];
  };

  test("stands in its head, in the log and in the metrics", async () => {
    const before = await gateway.metric("tollgate_cost_usd_total", { provider: "listed", model: "gpt-4o" });
    const reply = await gateway.chat({ model: "listed/gpt-4o" });
    assert.equal(reply.headers["x-tollgate-cost-usd"], "0.003");
    assert.equal((await gateway.access(reply.headers["x-request-id"])).cost_usd, "0.003");
    const counted = await gateway.counted("tollgate_cost_usd_total", { provider: "listed", model: "gpt-4o", source: "vendor" });
    assert.ok(Math.abs(counted - before - 0.003) < 1e-12);
  });

  test("is what tollgate price says", async () => {
    const { stdout } = await run(["price", "demo/demo-1", "--input", "1000000"]);
    assert.equal(stdout, "0.15 USD\n");
    assert.match(await cost("demo/demo-1"), /^0\.0000/);
  });

  test("stands in the usage of a stream that asked for it, and nowhere else", async () => {
    const ask = async (more) => (await gateway.chat({ model: "demo/demo-1", stream: true, ...more })).text;
    const chunks = (text) => text.split("\n\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)));
    const asked = chunks(await ask({ stream_options: { include_usage: true } }));
    const { usage: told } = asked.findLast((chunk) => chunk.usage);
    const { answers } = price([{ vendor: "demo", model: "demo-1",
      usage: { input_tokens: told.prompt_tokens, output_tokens: told.completion_tokens } }]);
    assert.ok(told.cost > 0);
    assert.equal(told.cost, Number(answers[0].cost));
    assert.ok(!(await ask({})).includes('"cost"'));
  });

  test("leaves no trace of usage that the gateway asked for", async () => {
    const ask = async (more) => (await gateway.chat({ model: "listed/gpt-4o", stream: true, ...more })).text;
    const plain = await ask({});
    assert.ok(!plain.includes("usage"));
    assert.equal(plain, piece('{"content":"a"}', "").repeat(120) +
      'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
    const asked = await ask({ stream_options: { include_usage: true } });
    assert.equal(asked.split('"usage":null').length, 122);
    assert.match(asked, /"usage":\{.*,"cost":0\.003\}/);
  });

  test("has the provider's discount and margin, or its own prices", async () => {
    assert.equal(await cost("cheaper/gpt-4o"), "0.002835"); // 0.003 * 0.9 * 1.05
    assert.equal(await cost("own/gpt-4o"), "0.0012"); // 1000 * 1 + 100 * 2
    assert.equal(await cost("mine/m"), "0");
  });

  test("follows the tier that the vendor says has served", async () => {
    const priority = price([{ vendor: "openai", model: "gpt-5.4", service: "priority", usage: { input_tokens: 1000, cache_read_tokens: 400, output_tokens: 100 } }]);
    assert.equal(await cost("listed/gpt-5.4"), priority.answers[0].cost);
  });

  test("has searches, thinking and citations that a vendor counts apart", async () => {
    const { answers } = price([{ vendor: "perplexity", model: "sonar-deep-research",
      usage: { input_tokens: 30, output_tokens: 11_700, output_reasoning_tokens: 9000, output_citation_tokens: 2000, web_searches: 12 } }]);
    assert.equal(await cost("research/sonar-deep-research"), answers[0].cost);
    assert.equal(answers[0].cost, "0.09666"); // 30 * 2 + 700 * 8 + 9000 * 3 + 2000 * 2 micro-dollars, 12 * 0.005
  });

  test("is found by the name of a deployment as well", async () => {
    assert.equal(await cost("azure_openai/gpt-4o"), "0.003");
    assert.equal(await cost("azure_openai/depl"), "0.003");
  });

  test("is compared with what the vendor says", async () => {
    const count = (result) => gateway.counted("tollgate_vendor_costs_total", { provider: "listed", result });
    const [same, different] = [await count("same"), await count("different")];
    await cost("listed/gpt-4o-reported");
    await cost("listed/gpt-4o-odd");
    assert.equal(await count("same"), same + 1); // 2.5 for each of 1000 tokens: the configured price has no cached rate
    assert.equal(await count("different"), different + 1);
  });
});

describe("a model without a price", () => {
  test("is warned about, counted, and never costs a silent zero", async () => {
    assert.ok(gateway.lines.some((line) => line.event === "configuration warning" && /dark\/m.*is in no price list/.test(JSON.stringify(line))));
    assert.ok(!gateway.lines.some((line) => /mine\/m/.test(JSON.stringify(line)) && line.event === "configuration warning"));
    const reply = await gateway.chat({ model: "dark/m" });
    assert.equal(reply.headers["x-tollgate-cost-usd"], undefined);
    assert.equal((await gateway.access(reply.headers["x-request-id"])).cost_usd, "unpriced");
    assert.equal(await gateway.counted("tollgate_unpriced_tokens_total", { provider: "dark" }), 1100);
    assert.equal(await gateway.metric("tollgate_cost_usd_total", { provider: "dark" }), 0);
  });

  test("is refused where the configuration says so, with what to do", async (t) => {
    const strict = await Gateway.start(t, { ...config, cost: { ...config.cost, unpriced: "reject" } });
    const reply = await strict.chat({ model: "dark/m" });
    assert.equal(reply.status, 400);
    assert.match(reply.text, /cost\.prices\.dark\/m/);
    assert.equal((await strict.chat({ model: "mine/m" })).status, 200);
    assert.equal((await strict.chat({ model: "listed/gpt-4o" })).status, 200);
  });
});

describe("what a model cannot do", () => {
  test("is refused before it is asked, naming model and capability", async () => {
    const image = [{ role: "user", content: [{ type: "image_url", image_url: { url: "https://x.example/a.png" } }] }];
    const reply = await gateway.chat({ model: "listed/o1-mini", messages: image });
    assert.equal(reply.status, 400);
    assert.match(reply.text, /listed\/o1-mini takes no images/);
    assert.equal((await gateway.chat({ model: "listed/gpt-4o", messages: image })).status, 200);
  });
});

test("GET /v1/models tells what is known beside OpenAI's fields", async () => {
  const { data } = JSON.parse((await gateway.get("/v1/models")).text);
  const model = data.find(({ id }) => id === "listed/gpt-4o");
  assert.equal(model.object, "model");
  assert.equal(model.context_window, 128000);
  assert.ok(model.capabilities.includes("vision"));
  assert.equal(data.find(({ id }) => id === "dark/m").context_window, undefined);
});

describe("tollgate models", () => {
  test("lists what the providers offer, and shows one", async () => {
    const { code, stdout } = await run(["models", "list", "--provider", "demo"]);
    assert.equal(code, 0);
    assert.match(stdout, /★ demo\/demo-1 +Demo 1 +128000 +tools, streaming, structured output +0\.15 \/ 0\.6 USD/);
    const listed = JSON.parse((await run(["models", "list", "--provider", "groq", "--json"])).stdout);
    assert.ok(listed.length > 20 && listed.every((model) => model.id.startsWith("groq/")));
    const [shown] = JSON.parse((await run(["models", "show", "openai/gpt-4o", "--json"])).stdout);
    assert.equal(shown.context_window, 128000);
    assert.equal((await run(["models", "show", "openai/nothing"])).code, 1);
  });
});

test("a catalog of one's own replaces the built-in one, and a bad one is a problem of the configuration", async () => {
  const catalog = join(gateway.dir, "models.txt");
  const file = join(gateway.dir, "own.yaml");
  writeFileSync(file, `providers: {demo: {}}\ncatalog: ${catalog}\n`);
  writeFileSync(catalog, "vendor demo\nmodel demo-1 chat ctx=7\n price USD input=1\n");
  assert.equal((await run(["price", "-c", file, "demo/demo-1", "--input", "1000000"])).stdout, "1 USD\n");
  writeFileSync(catalog, "vendor demo\nmodel demo-1 poem\n");
  const { code, stdout } = await run(["check", "-c", file]);
  assert.equal(code, 1);
  assert.match(stdout, /models\.txt:2: expected an id and a type/);
});
