// Rate limits: what is let through, what is refused, what waits, and what the answers say.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { Gateway, compat } from "./support/gateway.mjs";
import { FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const sha256 = (text) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
const kProviders = { default: "demo", demo: {} };
const kSlow = { "x-tollgate-demo": "latency=60s" };
const count = (answers, status) => answers.filter((one) => one.status === status).length;

describe("requests per minute", () => {
  test("of a key: so many pass, the next is told when", async (t) => {
    const keys = [{ name: "a", hash: sha256("a"), limits: { rpm: 3 } }, { name: "b", hash: sha256("b") }];
    const gateway = await Gateway.start(t, { providers: kProviders, keys });
    const answers = [];
    for (let i = 0; i < 4; ++i) answers.push(await gateway.chat({ model: "demo-1" }, bearer("a")));
    assert.deepEqual(answers.map((one) => one.status), [200, 200, 200, 429]);
    assert.equal(answers[0].headers["x-ratelimit-limit-requests"], "3");
    assert.deepEqual(answers.slice(0, 3).map((one) => one.headers["x-ratelimit-remaining-requests"]), ["2", "1", "0"]);
    assert.match(answers[0].headers["x-ratelimit-reset-requests"], /^(\d+m)?\d+s$/);
    const { error } = answers[3].json();
    assert.equal(error.code, "rate_limit_exceeded");
    assert.match(error.message, /the key 'a' is reached: 3 requests per minute/);
    const wait = Number(answers[3].headers["retry-after"]);
    assert.ok(wait >= 1 && wait <= 20, `${wait}`);
    assert.equal((await gateway.chat({ model: "demo-1" }, bearer("b"))).status, 200);
  });

  test("of a tag that the client names", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, limits: { rules: [{ tag: "batch", rpm: 1 }] } });
    const tagged = { "x-tollgate-tags": "nightly, batch" };
    assert.equal((await gateway.chat({ model: "demo-1" }, tagged)).status, 200);
    assert.equal((await gateway.chat({ model: "demo-1" }, tagged)).status, 429);
    assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
  });

  test("of a provider: the next target takes over, and the last one's refusal is told", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: { ...kProviders, second: { type: "demo" } },
      models: { both: { chain: ["demo/demo-1", "second/demo-1"] } },
      limits: { rules: [{ provider: "demo", rpm: 1 }, { provider: "second", rpm: 1 }] },
    });
    const answers = [];
    for (let i = 0; i < 3; ++i) answers.push(await gateway.chat({ model: "both" }));
    assert.deepEqual(answers.map((one) => one.status), [200, 200, 429]);
    assert.equal(answers[1].headers["x-tollgate-provider"], "second");
  });

  test("of all workers together", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, limits: { rules: [{ rpm: 20 }] }, server: { threads: 4 } });
    const answers = await Promise.all(Array.from({ length: 60 }, () => gateway.chat({ model: "demo-1" })));
    assert.equal(count(answers, 200), 20);
    assert.equal(count(answers, 429), 40);
    assert.equal(await gateway.counted("tollgate_limit_rejections_total", { key: "", limit: "requests" }), 40);
  });
});

describe("tokens per minute", () => {
  test("what was set aside and not used comes back", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, limits: { rules: [{ tpm: 2000 }] } });
    for (let i = 0; i < 5; ++i) {
      const answer = await gateway.chat({ model: "demo-1", max_tokens: 1500 });
      assert.equal(answer.status, 200, answer.text);
    }
    await gateway.settled();
    const answer = await gateway.chat({ model: "demo-1", max_tokens: 10 });
    assert.ok(Number(answer.headers["x-ratelimit-remaining-tokens"]) > 1500);
  });
});

describe("requests at the same time", () => {
  test("a client that leaves frees its place", async (t) => {
    const gateway = await Gateway.start(t, { providers: kProviders, limits: { rules: [{ concurrency: 1 }] } });
    const controller = new AbortController();
    const held = fetch(`${gateway.baseURL}/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json", ...kSlow },
      body: JSON.stringify({ model: "demo-1", messages: [{ role: "user", content: "x" }] }), signal: controller.signal,
    }).catch((error) => error);
    while ((await gateway.metric("tollgate_inflight_requests")) < 2);
    const refused = await gateway.chat({ model: "demo-1" });
    assert.equal(refused.status, 429);
    assert.match(refused.json().error.message, /1 requests at the same time/);
    controller.abort();
    await held;
    await gateway.settled();
    assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
  });

  test("with a queue they wait for their turn, in order, and all pass", async (t) => {
    const order = [];
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, {
      providers: { default: "up", up: compat(upstream) }, server: { threads: 1 },
      limits: { rules: [{ concurrency: 1 }], queue: { size: 50, wait: "30s" } },
    });
    const all = [];
    for (let i = 0; i < 10; ++i) all.push(gateway.chat({ model: "m" }).then((answer) => (order.push(i), answer)));
    assert.equal(count(await Promise.all(all), 200), 10);
  });

  test("the queue has a size and a deadline, and a client that leaves is out of it", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: kProviders, server: { threads: 1 },
      limits: { rules: [{ concurrency: 1 }], queue: { size: 1, wait: "300ms" } },
    });
    const controller = new AbortController();
    const held = fetch(`${gateway.baseURL}/chat/completions`, {
      method: "POST", headers: { "content-type": "application/json", ...kSlow },
      body: JSON.stringify({ model: "demo-1", messages: [{ role: "user", content: "x" }] }), signal: controller.signal,
    }).catch((error) => error);
    while ((await gateway.metric("tollgate_inflight_requests")) < 2);
    const [first, second] = await Promise.all([gateway.chat({ model: "demo-1" }), gateway.chat({ model: "demo-1" })]);
    const messages = [first, second].map((one) => one.json().error.message);
    assert.deepEqual([first.status, second.status], [429, 429]);
    assert.equal(messages.filter((text) => /limits\.queue\.wait/.test(text)).length, 1, messages.join("\n"));
    controller.abort();
    await held;
    await gateway.settled();
    assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
  });
});

test("a vendor's own figures reach the client where we have no limit, and ours replace them where we have", async (t) => {
  const upstream = await FakeUpstream.start(t, (exchange) => {
    const body = JSON.stringify({ id: "x", object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }] });
    exchange.reply(200, body, { "x-ratelimit-limit-requests": "777", "x-ratelimit-limit-tokens": "888" });
  });
  const keys = [{ name: "a", hash: sha256("a"), limits: { rpm: 5 } }, { name: "b", hash: sha256("b") }];
  const gateway = await Gateway.start(t, { providers: { default: "up", up: compat(upstream) }, keys });
  const limited = await gateway.chat({ model: "m" }, bearer("a"));
  assert.equal(limited.headers["x-ratelimit-limit-requests"], "5");
  assert.equal(limited.headers["x-ratelimit-limit-tokens"], "888");
  const free = await gateway.chat({ model: "m" }, bearer("b"));
  assert.equal(free.headers["x-ratelimit-limit-requests"], "777");
});

test("wrong keys from one address are slowed down, right ones are not", async (t) => {
  const keys = [{ name: "a", hash: sha256("a") }];
  const gateway = await Gateway.start(t, { providers: kProviders, keys, server: { limits: { auth_failures: 3 } } });
  const wrong = async () => (await gateway.chat({ model: "demo-1" }, bearer("wrong")));
  const answers = [];
  // A new minute may begin in between, once.
  for (let i = 0; i < 8; ++i) answers.push(await wrong());
  assert.deepEqual([...new Set(answers.map((one) => one.status))].sort(), [401, 429]);
  assert.ok(count(answers, 401) <= 6);
  assert.ok(Number(answers.find((one) => one.status === 429).headers["retry-after"]) >= 1);
  assert.equal((await gateway.chat({ model: "demo-1" }, bearer("a"))).status, 200);
});
