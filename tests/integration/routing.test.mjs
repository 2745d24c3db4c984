// What fails is remembered: breakers, cool-downs, key pools, special fallbacks, keep-alive.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { eventData } from "./support/http.mjs";
import { completion, delta, event, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const quick = { retry_budget: "100%", backoff: { base: "1ms", max: "2ms" } };
const refusal = (status, error, fields) => (incoming) => incoming.reply(status, { error }, fields);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const one = { threads: 1 };

/// Two providers in a chain.
async function pair(t, answers, more = {}) {
  const upstreams = {};
  const providers = {};
  for (const [name, answer] of Object.entries(answers)) {
    upstreams[name] = await FakeUpstream.start(t, answer);
    providers[name] = compat(upstreams[name], more.providers?.[name]);
  }
  const chain = Object.keys(answers).map((name) => `${name}/m`);
  const gateway = await Gateway.start(t, {
    server: { ...one, ...more.server },
    providers,
    models: { both: { chain }, ...more.models },
    failover: { ...quick, ...more.failover },
  });
  return { gateway, upstreams };
}

describe("what is remembered of a target", { concurrency: 4 }, () => {
  test("a breaker opens after errors, lets one probe through, and closes", async (t) => {
    let down = true;
    const { gateway, upstreams } = await pair(t, {
      bad: (incoming) => (down ? incoming.reply(500, {}) : wellBehaved(incoming)),
      good: wellBehaved,
    }, { failover: { breaker: { errors: 3, window: "10s", open: "300ms", slow_start: "0" } } });
    const state = () => gateway.metric("tollgate_breaker_state", { provider: "bad", model: "m" });
    for (let i = 0; i < 3; ++i) assert.equal((await gateway.chat({ model: "both" })).headers["x-tollgate-attempts"], "2");
    assert.equal(await state(), 2);
    const opened = await gateway.logged((l) => l.event === "breaker opened", "the breaker's line");
    assert.deepEqual([opened.level, opened.provider, opened.model], ["warn", "bad", "m"]);
    assert.equal((await gateway.chat({ model: "both" })).headers["x-tollgate-attempts"], "1", "it is left alone");
    assert.equal(upstreams.bad.requests.length, 3);
    assert.equal(await gateway.counted("tollgate_failovers_total", { from: "bad", to: "good", reason: "upstream_unavailable" }), 3);
    down = false;
    await eventually(async () => (await state()) === 1, "the breaker to be half open");
    const response = await gateway.chat({ model: "both" });
    assert.equal(response.headers["x-tollgate-provider"], "bad");
    assert.equal(await state(), 0);
    await gateway.logged((l) => l.event === "breaker closed", "the breaker's line");
  });

  test("with every breaker open the least bad target is asked all the same", async (t) => {
    let down = true;
    const answer = (incoming) => (down ? incoming.reply(500, {}) : wellBehaved(incoming));
    const { gateway } = await pair(t, { a: answer, b: answer },
      { failover: { retries: 1, breaker: { errors: 1, open: "1h" } } });
    assert.equal((await gateway.chat({ model: "both" })).status, 502);
    down = false;
    assert.equal((await gateway.chat({ model: "both" })).status, 200);
  });

  test("the caller's mistakes never open a breaker", async (t) => {
    const { gateway } = await pair(t, { a: refusal(400, { message: "no" }), b: wellBehaved }, { failover: { breaker: { errors: 1 } } });
    for (let i = 0; i < 5; ++i) assert.equal((await gateway.chat({ model: "both" })).status, 400);
    assert.equal(await gateway.metric("tollgate_breaker_state", { provider: "a", model: "m" }), 0);
  });

  test("what was learnt survives a reload", async (t) => {
    const { gateway, upstreams } = await pair(t, { a: refusal(429, { message: "slow" }, { "retry-after": "60" }), b: wellBehaved });
    assert.equal((await gateway.chat({ model: "both" })).headers["x-tollgate-attempts"], "2");
    gateway.signal("SIGHUP");
    await gateway.logged((line) => line.event === "configuration reloaded", "the reload");
    assert.equal((await gateway.chat({ model: "both" })).headers["x-tollgate-attempts"], "1");
    assert.equal(upstreams.a.requests.length, 1);
  });
});

describe("what operators are told", { concurrency: 4 }, () => {
  const admin = { listen: "127.0.0.1:0" };
  const ready = async (gateway) => (await gateway.get("/health/ready")).json();

  test("keys in quarantine and open breakers stand in the list of providers, and readiness counts them", async (t) => {
    const up = await FakeUpstream.start(t, (incoming) => (incoming.headers.authorization === "Bearer key-bad"
      ? incoming.reply(401, { error: { message: "Bad key" } }) : wellBehaved(incoming)));
    const down = await FakeUpstream.start(t, (incoming) => incoming.reply(500, {}));
    const gateway = await Gateway.start(t, {
      server: one, admin,
      providers: {
        up: compat(up, { api_key: ["key-bad", "key-good"], key_balance: "order", models: ["m"] }),
        down: compat(down, { api_key: "key-other", models: ["m", "unused"] }),
        gone: compat({ url: "http://127.0.0.1:1/v1" }, { models: ["m"] }),
      },
      failover: { ...quick, retries: 1, breaker: { errors: 1, open: "1h" } },
    });
    assert.deepEqual(await ready(gateway), { status: "ok" });
    assert.equal((await gateway.chat({ model: "up/m" })).status, 200);
    assert.equal((await gateway.chat({ model: "down/m" })).status, 502);
    assert.equal((await gateway.chat({ model: "gone/m" })).status, 502);
    const { text } = await gateway.admin("GET", "providers");
    const [first, second, third] = JSON.parse(text).data;
    assert.equal(first.state, "ready");
    assert.deepEqual(first.keys.map((key) => key.state), ["quarantined", "ready"]);
    assert.ok(first.keys[0].usable_in_seconds > 250 && first.keys[0].usable_in_seconds <= 300, text);
    assert.equal(first.targets.find((one) => one.model === "m").answered_seconds_ago, 0);
    assert.equal(second.state, "cooling down");
    assert.equal(second.targets.find((one) => one.model === "m").breaker, "open");
    assert.equal(second.targets.find((one) => one.model === "unused").breaker, "closed");
    assert.equal(third.state, "unreachable");
    for (const secret of ["key-bad", "key-good", "key-other"]) assert.ok(!text.includes(secret));
    assert.deepEqual(await ready(gateway), { status: "ok", providers_unreachable: 1, providers_cooling_down: 1 });
    assert.equal((await gateway.get("/health/live")).text, '{"status":"ok"}');
  });
});

describe("active checks", { concurrency: 4 }, () => {
  const lists = (upstream) => upstream.requests.filter((r) => r.method === "GET" && r.path === "/v1/models").length;

  test("a silent provider is asked for its models; one that does not answer stands last until it does", async (t) => {
    let down = false;
    const answer = (incoming) => (incoming.method === "GET" ? incoming.reply(down ? 503 : 200, { data: [] }) : wellBehaved(incoming));
    const { gateway, upstreams } = await pair(t, { a: answer, b: answer }, { failover: { checks: { every: "200ms" } }, server: { ...one } });
    await eventually(() => lists(upstreams.a) >= 2 && lists(upstreams.b) >= 2, "checks");
    assert.equal(upstreams.a.requests[0].headers.authorization, "Bearer sk-upstream");
    assert.equal((await gateway.chat({ model: "both" })).headers["x-tollgate-provider"], "a");
    down = true;
    const line = await gateway.logged((l) => l.event === "provider unreachable" && l.provider === "a", "the trouble");
    assert.equal(line.upstream_status, 503);
    assert.equal(await gateway.metric("tollgate_provider_state", { provider: "a" }), 2);
    down = false;
    await gateway.logged((l) => l.event === "provider reachable again" && l.provider === "a", "the return");
    assert.equal((await gateway.chat({ model: "both" })).headers["x-tollgate-provider"], "a");
  });

  test("a provider that works is not asked, and neither is any without the setting", async (t) => {
    const answer = (incoming) => (incoming.method === "GET" ? incoming.reply(200, { data: [] }) : wellBehaved(incoming));
    const busy = await FakeUpstream.start(t, answer);
    const idle = await FakeUpstream.start(t, answer);
    const unasked = await FakeUpstream.start(t, answer);
    await Gateway.start(t, { server: one, providers: { unasked: compat(unasked) } });
    const gateway = await Gateway.start(t, { server: one, providers: { busy: compat(busy), idle: compat(idle) }, failover: { checks: { every: "2s" } } });
    await eventually(async () => {
      await gateway.chat({ model: "busy/m" });
      return lists(idle) > 0;
    }, "a check of the idle provider");
    assert.equal(lists(busy), 0);
    assert.equal(lists(unasked), 0);
  });

  test("a key that a check finds refused is put into quarantine", async (t) => {
    const { gateway } = await pair(t, { a: (incoming) => incoming.reply(401, {}) }, { failover: { checks: { every: "100ms" } }, server: { ...one } });
    const line = await gateway.logged((l) => l.event === "key in quarantine", "the quarantine");
    assert.equal(line.upstream_status, 401);
    assert.equal(await gateway.metric("tollgate_key_state", { provider: "a", key: "1" }), 2);
  });
});

describe("a pool of keys", { concurrency: 4 }, () => {
  test("a refused key is put into quarantine and the others serve", async (t) => {
    const { gateway, upstreams } = await pair(t, {
      up: (incoming) => (incoming.headers.authorization === "Bearer key-bad" ? incoming.reply(401, { error: { message: "Bad key" } }) : wellBehaved(incoming)),
    }, { providers: { up: { api_key: ["key-bad", "key-good"], key_balance: "order" } } });
    const first = await gateway.chat({ model: "up/m" });
    assert.equal(first.status, 200, first.text);
    assert.equal(first.headers["x-tollgate-attempts"], "2");
    for (let i = 0; i < 3; ++i) assert.equal((await gateway.chat({ model: "up/m" })).headers["x-tollgate-attempts"], "1");
    assert.equal(upstreams.up.requests.filter((r) => r.headers.authorization === "Bearer key-bad").length, 1);
    assert.equal(await gateway.metric("tollgate_key_state", { provider: "up", key: "1" }), 2);
    assert.equal(await gateway.metric("tollgate_key_state", { provider: "up", key: "2" }), 0);
    const line = await gateway.logged((l) => l.event === "key in quarantine", "the quarantine");
    assert.equal(line.level, "error");
    assert.equal(line.key, 1);
    assert.ok(!gateway.log.includes("key-bad"));
  });

  test("a 429 rests the key it was for, and no other", async (t) => {
    const { gateway, upstreams } = await pair(t, {
      up: (incoming) => (incoming.headers.authorization === "Bearer key-1" ? incoming.reply(429, { error: { message: "slow" } }, { "retry-after": "60" }) : wellBehaved(incoming)),
    }, { providers: { up: { api_key: ["key-1", "key-2"], key_balance: "order" } } });
    for (let i = 0; i < 4; ++i) assert.equal((await gateway.chat({ model: "up/m" })).status, 200);
    assert.equal(upstreams.up.requests.length, 5);
    assert.equal(await gateway.metric("tollgate_key_state", { provider: "up", key: "1" }), 1);
    assert.equal(await gateway.metric("tollgate_breaker_state", { provider: "up", model: "m" }), 0);
  });

  test("keys share the requests by weight", async (t) => {
    const { gateway, upstreams } = await pair(t, { up: wellBehaved }, { providers: { up: { api_key: ["k1", "k2"], key_weights: [9, 1] } } });
    for (let i = 0; i < 60; ++i) await gateway.chat({ model: "up/m" });
    const first = upstreams.up.requests.filter((r) => r.headers.authorization === "Bearer k1").length;
    assert.ok(first > 40 && first < 60, `${first}`);
  });
});

describe("special fallbacks", { concurrency: 4 }, () => {
  const full = refusal(400, { message: "maximum context length is 8192 tokens", code: "context_length_exceeded" });

  test("a prompt that does not fit goes to context_fallbacks", async (t) => {
    const { gateway } = await pair(t, { small: full, large: wellBehaved },
      { models: { smart: { chain: ["small/m"], context_fallbacks: ["large/big"] } } });
    const response = await gateway.chat({ model: "smart" });
    assert.equal(response.status, 200, response.text);
    assert.equal(response.headers["x-tollgate-model"], "big");
    assert.equal((await gateway.chat({ model: "both" })).status, 400, "the chain's windows are not known");
  });

  test("a prompt that is certainly too long for the model goes there without asking it", async (t) => {
    const small = await FakeUpstream.start(t, wellBehaved);
    const large = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, {
      providers: { openai: { base_url: small.url, api_key: "k" }, large: compat(large) },
      failover: { context_fallbacks: ["large/big"] },
    });
    const messages = [{ role: "user", content: "word ".repeat(20000) }];
    const response = await gateway.chat({ model: "openai/gpt-4", messages });
    assert.equal(response.status, 200, response.text);
    assert.equal(response.headers["x-tollgate-model"], "big");
    assert.equal(response.headers["x-tollgate-route"], "direct,context");
    assert.equal(small.requests.length, 0);
    assert.equal((await gateway.chat({ model: "openai/gpt-4" })).headers["x-tollgate-model"], "gpt-4");
  });

  test("a content policy's refusal goes where the configuration says", async (t) => {
    const filtered = refusal(400, { message: "content policy", code: "content_policy_violation" });
    const { gateway } = await pair(t, { strict: filtered, lax: wellBehaved },
      { models: { told: { chain: ["strict/m"], content_fallbacks: ["lax/m"] } } });
    assert.equal((await gateway.chat({ model: "both" })).status, 400);
    assert.equal((await gateway.chat({ model: "told" })).headers["x-tollgate-provider"], "lax");
  });

  test("the client's models and fallbacks are tried in order and not sent on", async (t) => {
    const { gateway, upstreams } = await pair(t, { a: (incoming) => incoming.reply(500, {}), b: (incoming) => incoming.reply(500, {}), c: wellBehaved });
    const body = { model: "a/m", models: ["b/m"], fallbacks: [{ model: "c/m" }] };
    const response = await gateway.chat(body);
    assert.equal(response.status, 200, response.text);
    assert.equal(response.headers["x-tollgate-provider"], "c");
    for (const upstream of Object.values(upstreams)) {
      assert.deepEqual(Object.keys(upstream.last.json).sort(), ["messages", "model"]);
    }
    const unknown = await gateway.chat({ model: "a/m", models: ["auto/none"] });
    assert.equal(unknown.status, 404);
    assert.equal(unknown.json().error.param, "models");
    assert.equal((await gateway.chat({ model: "a/m", models: "b/m" })).status, 400);
  });
});

describe("when all fail", () => {
  test("one error lists every attempt, with the status that says most and the shortest wait", async (t) => {
    const { gateway } = await pair(t, {
      a: refusal(500, { message: "boom" }),
      b: refusal(429, { message: "slow" }, { "retry-after": "7" }),
      c: refusal(503, { message: "later" }, { "retry-after": "30" }),
    });
    const response = await gateway.chat({ model: "both" });
    assert.equal(response.status, 429);
    assert.equal(response.headers["retry-after"], "7");
    const { message } = response.json().error;
    for (const part of ["3 attempts", "a/m: 500 upstream_unavailable after", "b/m: 429 upstream_limited", "c/m: 503", "boom", "slow", "later"]) {
      assert.ok(message.includes(part), message);
    }
  });

  test("an outage costs no request while another target is well, whatever the retry budget", async (t) => {
    const { gateway, upstreams } = await pair(t, { a: refusal(500, { message: "boom" }), b: wellBehaved },
      { failover: { retry_budget: "0%", breaker: { errors: 0 } } });
    for (let i = 0; i < 12; ++i) assert.equal((await gateway.chat({ model: "both" })).status, 200);
    assert.equal(upstreams.a.requests.length, 12);
  });

  test("the retry budget bounds how often the same target is asked again, and the error says so", async (t) => {
    const { gateway, upstreams } = await pair(t, { a: refusal(500, { message: "boom" }) },
      { failover: { retries: 9, retry_budget: "0%", breaker: { errors: 0 } } });
    assert.match((await gateway.chat({ model: "a/m" })).json().error.message, /All 4 attempts failed.*failover\.retry_budget/);
    assert.match((await gateway.chat({ model: "a/m" })).json().error.message, /^a\/m: boom.*failover\.retry_budget/);
    assert.equal(upstreams.a.requests.length, 5);
  });

  test("a used up limit's reset is taken for a Retry-After", async (t) => {
    const limits = { "x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s" };
    const { gateway } = await pair(t, { a: refusal(429, { message: "slow" }, limits) });
    assert.equal((await gateway.chat({ model: "a/m" })).headers["retry-after"], "90");
  });
});

describe("a group that goes by the vendors' limits", () => {
  test("leaves out the one whose answers, streams as well, say that nothing remains", async (t) => {
    const telling = (remaining) => async (incoming) => {
      await incoming.stream({ "x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": String(remaining), "x-ratelimit-reset-requests": "1h0m0s" });
      await incoming.chunk(streamText());
      await incoming.lastChunk();
    };
    const { gateway, upstreams } = await pair(t, { full: telling(0), free: telling(100) }, { models: { group: { balance: "usage", targets: ["full/m", "free/m"] } } });
    for (let i = 0; i < 12; ++i) assert.equal((await gateway.chat({ model: "group", stream: true })).status, 200);
    assert.ok(upstreams.full.requests.length <= 1, `${upstreams.full.requests.length} of 12`);
  });
});

describe("timeouts of an alias and of a target", { concurrency: 2 }, () => {
  test("the first token is waited for as long as the target says", async (t) => {
    const silent = async (incoming) => {
      await incoming.stream();
      await incoming.chunk(": thinking\n\n");
    };
    const { gateway } = await pair(t, { slow: silent, good: wellBehaved }, {
      models: { smart: { chain: [{ model: "slow/m", timeouts: { first_token: "200ms" } }, "good/m"], timeouts: { first_token: "30s" } } },
    });
    const response = await gateway.chat({ model: "smart", stream: true });
    assert.equal(response.text, streamText());
    assert.equal(response.headers["x-tollgate-attempts"], "2");
  });
});

describe("keep-alive", { concurrency: 4 }, () => {
  const server = { timeouts: { keep_alive: "100ms" } };
  const comments = (text) => text.split(": keep-alive\n\n").length - 1;
  const content = (text) => text.replaceAll(": keep-alive\n\n", "");

  test("comments stand before and between events, never inside one", async (t) => {
    const { gateway } = await pair(t, {
      up: async (incoming) => {
        await incoming.stream();
        await pause(350);
        const events = [event(delta("Hel")), event(delta("lo.")), event(delta(null, "stop")), event("[DONE]")];
        for (const one of events) {
          await incoming.chunk(one.slice(0, 20));
          await pause(250);
          await incoming.chunk(one.slice(20));
        }
        await incoming.lastChunk();
      },
    }, { server });
    const response = await gateway.chat({ model: "up/m", stream: true });
    assert.equal(response.status, 200);
    assert.equal(content(response.text), streamText());
    assert.ok(comments(response.text) >= 3, response.text);
    assert.ok(response.text.startsWith(": keep-alive\n\n"));
    assert.equal(response.clean, true);
  });

  test("failover goes on behind the comments", async (t) => {
    const { gateway } = await pair(t, {
      bad: async (incoming) => { await pause(300); await incoming.reply(500, {}); },
      good: wellBehaved,
    }, { server });
    const response = await gateway.chat({ model: "both", stream: true });
    assert.equal(response.status, 200);
    assert.ok(comments(response.text) >= 1);
    assert.equal(content(response.text), streamText());
    assert.equal(response.clean, true);
  });

  test("when nothing helps, the error is in the stream and the end is broken", async (t) => {
    const { gateway } = await pair(t, { bad: async (incoming) => { await pause(300); await incoming.reply(500, { error: { message: "boom" } }); } },
      { server, failover: { retries: 0 } });
    const response = await gateway.chat({ model: "bad/m", stream: true });
    assert.equal(response.status, 200);
    assert.equal(response.clean, false);
    assert.match(JSON.parse(eventData(response.text).at(-1)).error.message, /boom/);
    assert.ok(!response.text.includes("[DONE]"));
  });

  test("a whole answer is waited for in silence", async (t) => {
    const { gateway } = await pair(t, { up: async (incoming) => { await pause(300); await incoming.reply(200, completion()); } }, { server });
    assert.equal((await gateway.chat({ model: "up/m" })).text, JSON.stringify(completion()));
  });
});

describe("conversations", () => {
  test("stay with the target that answered, until it is not well", async (t) => {
    let down = true;
    const { gateway } = await pair(t, { a: (incoming) => (down ? incoming.reply(500, {}) : wellBehaved(incoming)), b: wellBehaved });
    const first = [{ role: "user", content: "tell me {more}" }];
    const turn = [...first, { role: "assistant", content: "Hello." }, { role: "user", content: "go on" }];
    assert.equal((await gateway.chat({ model: "both", messages: first })).headers["x-tollgate-provider"], "b");
    down = false;
    const next = await gateway.chat({ model: "both", messages: turn });
    assert.equal(next.headers["x-tollgate-provider"], "b");
    assert.equal(next.headers["x-tollgate-route"], "alias,sticky");
    assert.equal((await gateway.chat({ model: "both", messages: first })).headers["x-tollgate-provider"], "a");
  });
});
