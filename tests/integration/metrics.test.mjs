// What a running gateway tells of itself: counters that move with the requests, and one access line for each.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat, sumSamples } from "./support/gateway.mjs";
import { Connection, request, requestBytes } from "./support/http.mjs";
import { delta, event, FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const upstream = await FakeUpstream.start({ after }, wellBehaved);
const gateway = await Gateway.start({ after }, {
  providers: { default: "demo", demo: {}, up: compat(upstream, { models: ["m"] }) },
  models: { smart: { chain: ["demo/demo-1"] } },
  failover: { retries: 0 },
});
const scrape = async (accept) => request(gateway.port, { path: "/metrics", headers: accept ? { accept } : {} });

/// How much the samples grew while `act` ran.  A request is counted when its answer has been sent, so
/// that a client with the answer in its hands may ask a moment too early.
async function growth(samples, act) {
  await gateway.settled();
  const before = (await scrape()).text;
  await act();
  await gateway.settled();
  const now = (await scrape()).text;
  return samples.map(([name, labels]) => sumSamples(now, name, labels) - sumSamples(before, name, labels));
}

describe("/metrics", () => {
  test("is Prometheus text, and OpenMetrics when asked for", async () => {
    await gateway.chat({ model: "demo-1" });
    const text = await scrape();
    assert.match(text.headers["content-type"], /^text\/plain; version=0\.0\.4/);
    const line = /^([a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="([^"\\\n]|\\["\\n])*",?)*\})? (NaN|[+-]?(Inf|[0-9.e+-]+))|# (HELP|TYPE) .+)$/;
    for (const one of text.text.trimEnd().split("\n")) assert.match(one, line);
    const open = await scrape("application/openmetrics-text; version=1.0.0,text/plain;q=0.5");
    assert.match(open.headers["content-type"], /^application\/openmetrics-text/);
    assert.ok(open.text.endsWith("# EOF\n"));
    assert.match(open.text, /# TYPE tollgate_requests counter/);
    assert.match(text.text, /tollgate_build_info\{.*version="[^"]+"/);
  });

  test("counts requests, attempts, tokens and durations", async () => {
    const labels = { endpoint: "chat", provider: "up", model: "m" };
    const [requests, durations, attempts, input, output, overhead] = await growth([
      ["tollgate_requests_total", { ...labels, status: 200, outcome: "ok" }],
      ["tollgate_request_duration_seconds_count", labels],
      ["tollgate_attempts_total", { provider: "up", outcome: "ok" }],
      ["tollgate_tokens_total", { provider: "up", model: "m", kind: "input", source: "vendor" }],
      ["tollgate_tokens_total", { provider: "up", model: "m", kind: "output", source: "vendor" }],
      ["tollgate_overhead_seconds_count", { endpoint: "chat" }],
    ], async () => {
      for (let i = 0; i < 3; ++i) await gateway.chat({ model: "up/m" });
    });
    assert.deepEqual([requests, durations, attempts, input, output, overhead], [3, 3, 3, 9, 6, 3]);
  });

  test("counts the tokens of a stream whose usage the client did not ask for", async () => {
    const [tokens, first] = await growth([
      ["tollgate_tokens_total", { provider: "up", kind: "output", source: "vendor" }],
      ["tollgate_time_to_first_token_seconds_count", { provider: "up" }],
    ], async () => {
      const response = await gateway.chat({ model: "up/m", stream: true });
      assert.ok(!response.text.includes("usage"));
    });
    assert.deepEqual([tokens, first], [2, 1]);
  });

  test("tells outcomes apart", async () => {
    const [client, vendor] = await growth([
      ["tollgate_requests_total", { endpoint: "chat", outcome: "client_error" }],
      ["tollgate_requests_total", { endpoint: "chat", outcome: "upstream_error", provider: "demo" }],
    ], async () => {
      await gateway.post("/v1/chat/completions", "{");
      await gateway.chat({ model: "demo-1" }, { "x-tollgate-demo": "fault=server_error" });
    });
    assert.deepEqual([client, vendor], [1, 1]);
  });

  test("has no label that a client can invent", async () => {
    const marker = "invented-by-client";
    await gateway.chat({ model: `demo/${marker}` });
    await gateway.chat({ model: marker });
    await gateway.chat({ model: `up/${marker}` });
    await gateway.get(`/${marker}`);
    await gateway.request({ method: "INVENTED", path: "/v1/models" });
    await gateway.settled();
    const { text } = await scrape();
    assert.ok(!text.toLowerCase().includes("invented"), "only the configuration's words are labels");
    assert.ok(sumSamples(text, "tollgate_requests_total", { provider: "up", model: "other" }) >= 1);
    const series = text.split("\n").length;
    for (let i = 0; i < 50; ++i) await gateway.chat({ model: `up/${marker}-${i}` });
    await gateway.settled();
    assert.equal((await scrape()).text.split("\n").length, series, "and no series");
  });

  test("shows what is open right now", async (t) => {
    const held = await FakeUpstream.start(t, async (incoming) => {
      await incoming.stream();
      await incoming.chunk(event(delta("x")));
    });
    const own = await Gateway.start(t, { providers: { up: compat(held) } });
    const connections = await Promise.all(Array.from({ length: 5 }, () => Connection.open(own.port)));
    for (const connection of connections) {
      await connection.write(requestBytes({ method: "POST", path: "/v1/chat/completions", body: { model: "up/m", stream: true, messages: [{ role: "user", content: "hi" }] } }));
      await connection.inbox.until("\n\n", "the first event");
    }
    // An earlier request may still be on its way out.
    const shows = (count, name, labels, what) => eventually(async () => (await own.metric(name, labels)) === count, `${count} ${what}`);
    await shows(6, "tollgate_inflight_requests", {}, "requests: five streams and the scrape");
    await shows(6, "tollgate_client_connections", { protocol: "http1" }, "connections");
    await shows(5, "tollgate_upstream_connections", { provider: "up", state: "active" }, "upstream connections");
    connections.forEach((connection) => connection.destroy());
    await own.settled();
  });

  test("tells kept connections and their reuse", async () => {
    const [reused] = await growth([["tollgate_upstream_pool_events_total", { provider: "up", event: "reused" }]], async () => {
      for (let i = 0; i < 6; ++i) await gateway.chat({ model: "up/m" });
    });
    assert.ok(reused >= 4, `${reused} reused`);
    assert.ok((await gateway.metric("tollgate_upstream_connections", { provider: "up", state: "idle" })) >= 1);
  });

  test("can have a listener of its own, where nothing else is served", async (t) => {
    const own = await Gateway.start(t, { providers: { demo: {} }, metrics: { listen: "127.0.0.1:0" } });
    assert.equal((await own.get("/metrics")).status, 404);
    const there = (options) => request(own.metricsPort, options);
    assert.equal((await there({ path: "/metrics" })).status, 200);
    assert.equal((await there({ path: "/health" })).status, 200);
    assert.equal((await there({ method: "POST", path: "/v1/chat/completions", body: { model: "demo-1", messages: [{ role: "user", content: "hi" }] } })).status, 404);
  });

  test("stands a scrape in the middle of load", async () => {
    const work = Promise.all(Array.from({ length: 50 }, () => gateway.chat({ model: "up/m" })));
    for (let i = 0; i < 20; ++i) assert.equal((await scrape()).status, 200);
    await work;
  });
});

describe("the access log", () => {
  test("has one JSON line per request with ids, target, tokens and times", async () => {
    const response = await gateway.chat({ model: "smart", stream: true }, { "x-request-id": "log-1", "user-agent": "test" });
    assert.equal(response.status, 200);
    const line = await gateway.access("log-1");
    assert.match(line.ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const { level, method, endpoint, path, model_requested, model, provider, attempts, status, outcome, stream, usage } = line;
    assert.deepEqual({ level, method, endpoint, path, model_requested, model, provider, attempts, status, outcome, stream, usage }, {
      level: "info", method: "POST", endpoint: "chat", path: "/v1/chat/completions", model_requested: "smart", model: "demo-1", provider: "demo",
      attempts: 1, status: 200, outcome: "ok", stream: true, usage: "vendor",
    });
    assert.equal(line.client, "127.0.0.1");
    assert.ok(line.input_tokens > 0 && line.output_tokens > 0);
    assert.ok(line.bytes_in > 0 && line.bytes_out === response.body.length);
    assert.ok(line.duration_ms > 0 && line.ttft_ms > 0 && line.ttft_ms <= line.duration_ms);
    assert.ok(line.overhead_us > 0 && line.overhead_us < line.duration_ms * 1000 + 1);
    assert.ok(!("failure" in line));
  });

  test("names what failed, at the level that it deserves", async () => {
    const asked = [
      ["bad", () => gateway.post("/v1/chat/completions", "{", { "x-request-id": "bad" }), "info", "client_error", "bad_request", 400],
      ["lost", () => gateway.get("/nowhere", { "x-request-id": "lost" }), "info", "client_error", "not_found", 404],
      ["vendor", () => gateway.chat({ model: "demo-1" }, { "x-request-id": "vendor", "x-tollgate-demo": "fault=server_error" }), "warn", "upstream_error", "upstream_unavailable", 502],
      ["cut", () => gateway.chat({ model: "demo-1", stream: true }, { "x-request-id": "cut", "x-tollgate-demo": "fault=cut" }), "warn", "truncated", "upstream_unavailable", 200],
    ];
    for (const [id, act, level, outcome, failure, status] of asked) {
      await act();
      const line = await gateway.access(id);
      assert.deepEqual([line.level, line.outcome, line.failure, line.status], [level, outcome, failure, status], id);
    }
    const attempt = await gateway.logged((line) => line.event === "upstream attempt failed" && line.request_id === "vendor", "the attempt");
    assert.equal(attempt.level, "warn");
    assert.equal(attempt.provider, "demo");
  });

  test("tells nothing of prompts, answers, queries or keys", async () => {
    const prompt = "my-private-prompt-text";
    await gateway.chat({ model: "demo-1", messages: [{ role: "user", content: prompt }], user: prompt }, { "x-request-id": "private-1", authorization: "Bearer my-caller-key" });
    await gateway.chat({ model: "demo-1", stream: true, messages: [{ role: "system", content: prompt }, { role: "user", content: prompt }] });
    await gateway.post(`/v1/embeddings?q=${prompt}`, { model: "demo/demo-embed", input: prompt }, { "x-request-id": "private-2" });
    await gateway.post("/v1/chat/completions", `{"model":"demo-1","messages":[{"role":"user","content":"${prompt}"}], oops`, { "x-request-id": "private-3" });
    for (const id of ["private-1", "private-2", "private-3"]) await gateway.access(id);
    assert.ok(!gateway.log.includes(prompt));
    assert.ok(!gateway.log.includes("my-caller-key"));
  });

  test("cannot be forged by what clients choose", async () => {
    const nasty = 'x","event":"forged"}\n{"event":"forged"}\u2028\u202e\u0000';
    await gateway.chat({ model: nasty }, { "x-request-id": "forge-1" });
    await gateway.get("/%22%7d%0a?x", { "x-request-id": "forge-2", "user-agent": '"}\t{' });
    const line = await gateway.access("forge-1");
    assert.ok(line.model_requested.startsWith('x","event"'));
    await gateway.access("forge-2");
    assert.ok(gateway.lines.every((one) => typeof one === "object" && one.event !== "forged"), "every line is JSON of the gateway's own");
  });

  test("can be text, or off", async (t) => {
    const text = await Gateway.start(t, { providers: { demo: {} }, logging: { access: false } });
    await text.chat({ model: "demo-1" }, { "x-request-id": "quiet" });
    await text.stop();
    assert.ok(!text.log.includes("quiet"));
  });
});
