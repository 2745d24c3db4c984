// The auto-router over real requests, and what explains it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { within } from "./support/bounded.mjs";
import { Gateway, compat, kBinary, run } from "./support/gateway.mjs";
import { FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const says = (content) => ({ messages: [{ role: "user", content }] });
const kCode = says("Write a Python function that merges two sorted lists into one, with unit tests.");
const kPoem = says("Write a short poem about the sea in winter.");
const quick = { retry_budget: "100%", backoff: { base: "1ms", max: "2ms" } };

/// Two providers, of which `b` is for code.
async function pair(t, { automatic = {}, a = wellBehaved, b = wellBehaved, ...more } = {}) {
  const upstreams = { a: await FakeUpstream.start(t, a), b: await FakeUpstream.start(t, b) };
  const gateway = await Gateway.start(t, {
    providers: { default: "a", a: compat(upstreams.a), b: compat(upstreams.b) },
    router: { auto: { candidates: ["a/m", "b/m"], quality: { "a/m": 80, "b/m": 60 }, ...automatic } },
    failover: quick,
    admin: { listen: "127.0.0.1:0" },
    ...more,
  });
  return { gateway, upstreams };
}
const routed = (response) => `${response.headers["x-tollgate-provider"]} ${response.headers["x-tollgate-route"]}`;

describe("model auto", { concurrency: 4 }, () => {
  test("goes where the policy says, and tells the task it found", async (t) => {
    const { gateway, upstreams } = await pair(t);
    const response = await gateway.chat({ model: "auto", ...kPoem });
    assert.equal(response.status, 200);
    assert.match(routed(response), /^a auto,balanced,task=writing,difficulty=\w+,language=en$/);
    assert.equal(upstreams.a.requests[0].json.model, "m", "the vendor gets its own model's name");
    assert.match(routed(await gateway.chat({ model: "auto/best", ...kCode })), /^a auto,best,task=code/);
  });

  test("goes where a task or a rule says; a rule without a task asks no classifier", async (t) => {
    const { gateway } = await pair(t, {
      automatic: {
        rules: [
          { when: { header: { "X-Team": "red" } }, to: "b" },
          { when: { tag: "night", tools: false }, to: "b" },
        ],
        tasks: { code: ["b"] },
      },
    });
    assert.match(routed(await gateway.chat({ model: "auto", ...kCode })), /^b auto,tasks,task=code/);
    assert.match(routed(await gateway.chat({ model: "auto", ...kPoem })), /^a auto,balanced,task=writing/);
    assert.equal(routed(await gateway.chat({ model: "auto", ...kPoem }, { "x-team": "red" })), "b auto,rule=0");
    assert.equal(routed(await gateway.chat({ model: "auto", ...kPoem }, { "x-tollgate-tags": "night" })), "b auto,rule=1");
  });

  test("an outage of the winner is not the end, and its breaker moves the next request", async (t) => {
    const { gateway, upstreams } = await pair(t, {
      a: (incoming) => incoming.reply(500, { error: { message: "down" } }),
      failover: { ...quick, breaker: { errors: 2, open: "1h" } },
    });
    for (let i = 0; i < 2; ++i) {
      const response = await gateway.chat({ model: "auto", ...kPoem });
      assert.equal(response.status, 200);
      assert.equal(response.headers["x-tollgate-attempts"], "2");
    }
    const after = await gateway.chat({ model: "auto", ...kPoem });
    assert.equal(after.headers["x-tollgate-attempts"], "1");
    assert.equal(after.headers["x-tollgate-provider"], "b");
    assert.equal(upstreams.a.requests.length, 2);
    const told = (await gateway.admin("POST", "explain", { model: "auto", ...kPoem })).json();
    assert.equal(told.winner, "b/m");
    assert.equal(told.candidates.find((one) => one.name === "a/m").health.state, "breaker open");
  });

  test("a conversation stays where it began, unless a rule says otherwise", async (t) => {
    let down = true;
    const { gateway } = await pair(t, {
      a: (incoming) => (down ? incoming.reply(503, {}) : wellBehaved(incoming)),
      // By quality: how fast the two answered just now must not be a reason to move.
      automatic: { policy: "best", rules: [{ when: { header: { "x-move": "*" } }, to: "a" }], quality: { "a/m": 70, "b/m": 65 } },
    });
    const begin = { model: "auto", ...kPoem };
    assert.equal((await gateway.chat(begin)).headers["x-tollgate-provider"], "b");
    down = false;
    const more = [...kPoem.messages, { role: "assistant", content: "Waves." }, { role: "user", content: "Another one, please." }];
    const next = await gateway.chat({ model: "auto", messages: more });
    assert.match(routed(next), /^b auto,.*,sticky$/);
    assert.equal(routed(await gateway.chat({ model: "auto", messages: more }, { "x-move": "1" })), "a auto,rule=0");
  });

  test("a key that may use some targets gets those only", async (t) => {
    const { createHash } = await import("node:crypto");
    const hash = `sha256:${createHash("sha256").update("caller").digest("hex")}`;
    const { gateway } = await pair(t, { keys: [{ name: "team", hash, models: ["b/m"] }] });
    const response = await gateway.chat({ model: "auto", ...kPoem }, { authorization: "Bearer caller" });
    assert.equal(response.headers["x-tollgate-provider"], "b");
    const told = (await gateway.admin("POST", "explain", { model: "auto", key: "team", ...kPoem })).json();
    assert.deepEqual(told.left_out, told.left_out.filter((one) => one.name === "a/m"));
    assert.match(told.left_out[0].reason, /key may not use it/);
  });

  test("a policy that does not exist is refused by name", async (t) => {
    const { gateway } = await pair(t);
    const response = await gateway.chat({ model: "auto/clever", ...kPoem });
    assert.equal(response.status, 404);
    assert.match(response.json().error.message, /auto\/cheap/);
  });
});

describe("explain", { concurrency: 4 }, () => {
  test("the admin API tells what a request would get, and rules by headers", async (t) => {
    const { gateway, upstreams } = await pair(t, { automatic: { rules: [{ when: { header: { "x-team": "red" } }, to: "b" }] } });
    const told = (await gateway.admin("POST", "explain", { model: "auto", ...kCode })).json();
    assert.equal(told.task, "code");
    assert.equal(told.language, "en");
    assert.equal(told.winner, "a/m");
    assert.deepEqual(told.tries, ["a/m", "b/m"]);
    assert.equal(told.candidates[0].health.state, "well");
    assert.equal(told.decided_by, "policy");
    const red = (await gateway.admin("POST", "explain", { prompt: "hi", headers: { "X-Team": "red" } })).json();
    assert.deepEqual([red.winner, red.decided_by, red.rule], ["b/m", "rule", 0]);
    assert.equal((await gateway.admin("POST", "explain", { model: "auto" })).status, 400);
    assert.equal((await gateway.admin("POST", "explain", { prompt: "hi", key: "nobody" })).status, 400);
    assert.equal(upstreams.a.requests.length, 0, "nothing was sent");
  });

  test("a key that was made at run time is known like one of the configuration", async (t) => {
    const { gateway } = await pair(t);
    assert.equal((await gateway.admin("POST", "keys", { name: "young", models: ["b/m"], tags: ["red"] })).status, 201);
    const told = (await gateway.admin("POST", "explain", { model: "auto", key: "young", ...kPoem })).json();
    assert.deepEqual([told.tries, told.left_out.map(({ name }) => name)], [["b/m"], ["a/m"]]);
    const explain = (key) => run(["explain", "--json", "--model", "auto", "--key", key, "-c", gateway.configPath, "hi"]);
    const { code, stdout } = await explain("young");
    assert.deepEqual([code, JSON.parse(stdout).tries], [0, ["b/m"]]);
    const unknown = await explain("nobody");
    assert.deepEqual([unknown.code, unknown.stdout], [1, ""]);
    assert.match(unknown.stderr, /nobody/);
  });

  test("a target is left out with its reason", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, {
      providers: { a: compat(upstream), openai: { api_key: "k", base_url: `${upstream.url}/v1`, models: ["gpt-3.5-turbo"] } },
      router: { auto: { candidates: ["openai/gpt-3.5-turbo", "a/m"] } },
      admin: { listen: "127.0.0.1:0" },
    });
    const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const body = { model: "auto", messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, image] }] };
    const told = (await gateway.admin("POST", "explain", body)).json();
    assert.equal(told.task, "vision");
    assert.deepEqual(told.left_out.map((one) => one.reason), ["takes no images"]);
    assert.equal(told.winner, "a/m");
  });

  test("the command line explains one prompt without a gateway, a configuration or a key", async () => {
    const one = await run(["explain", "--json", "Translate to French: good morning"]);
    assert.equal(one.code, 0, one.stderr);
    const told = JSON.parse(one.stdout);
    assert.equal(told.task, "translation");
    assert.equal(told.winner, "demo/demo-1");
    const text = await run(["explain", "--model", "demo/demo-1", "Solve", "3x + 7 = 22"]);
    assert.match(text.stdout, /^task math \(\d+ %\), difficulty easy, language en/);
    assert.match(text.stdout, /★ demo\/demo-1/);
    assert.equal((await run(["explain", "--nonsense", "1"])).code, 2);
  });

  test("lines of many forms are explained in order, with their ids", async (t) => {
    const dir = mkdtempSync(join(tmpdir(), "tollgate-explain-"));
    t.after(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, "tollgate.yaml"), "providers: {openai: {api_key: sk-1}, demo: {}}\n");
    const lines = [
      JSON.stringify("What is the capital of Mongolia?"),
      JSON.stringify({ id: "x7", prompt: "把这句话翻译成英文：今天天气很好" }),
      JSON.stringify({ question_id: 81, turns: ["Write a sonnet about rust on old ships.", "Now shorter."] }),
      JSON.stringify({ model: "openai/gpt-4o", messages: kCode.messages, max_tokens: 10 }),
      "plain words: hello there, how are you today?",
      JSON.stringify({ nothing: 1 }),
    ];
    const many = Array.from({ length: 300 }, () => lines[0]);
    const child = spawn(kBinary, ["explain", "--json", "-c", join(dir, "tollgate.yaml")], { cwd: dir, env: { HOME: dir } });
    t.after(() => child.kill("SIGKILL"));
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.stdin.end([...lines, ...many].join("\n"));
    assert.equal(await within(ended, "explain to end"), 1, "one line had no prompt");
    const told = out.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(told.length, lines.length + many.length);
    assert.deepEqual(told.slice(0, 5).map((one) => one.task), ["knowledge", "translation", "writing", "code", "chat"]);
    assert.deepEqual(told.slice(0, 4).map((one) => one.id), [undefined, "x7", 81, undefined]);
    assert.equal(told[1].language, "zh");
    assert.equal(told[3].winner, "openai/gpt-4o");
    assert.equal(told[3].model, "openai/gpt-4o");
    assert.match(told[5].error, /no prompt/);
    assert.equal(told[0].candidates[0].price_per_million_usd.input, "0.15");
  });
});
