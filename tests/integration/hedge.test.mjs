// A second attempt beside a slow first one: who wins, who is cancelled, what it costs, and when there is none.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { completion, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const soon = { after: "60ms", budget: "100%" };

/// A provider `up` whose n-th request gets the n-th answer, and the last one from then on.
async function answering(t, answers, more = {}) {
  let n = 0;
  const up = await FakeUpstream.start(t, (incoming) => answers[Math.min(n++, answers.length - 1)](incoming));
  const gateway = await Gateway.start(t, {
    server: { threads: 1 },
    providers: { up: compat(up), ...more.providers },
    models: more.models,
    failover: { retry_budget: "100%", backoff: { base: "1ms", max: "2ms" }, hedge: soon, ...more.failover },
    cost: { prices: { "up/m": { input: 1, output: 1 } } },
  });
  return { up, gateway };
}
const never = () => {};
const after = (ms, answer = wellBehaved) => async (incoming) => { await pause(ms); await answer(incoming); };
const refusing = (incoming) => incoming.reply(500, { error: { message: "boom" } });
const hedges = (gateway, outcome) => gateway.counted("tollgate_hedges_total", { outcome });

describe("the first good answer wins", { concurrency: 4 }, () => {
  for (const stream of [false, true]) {
    test(`a second attempt answers for one that is slow (${stream ? "stream" : "whole"})`, async (t) => {
      const { up, gateway } = await answering(t, [never, wellBehaved]);
      const response = await gateway.chat({ model: "up/m", stream });
      assert.equal(response.text, stream ? streamText() : JSON.stringify(completion()));
      assert.equal(response.clean, true);
      assert.equal(response.headers["x-tollgate-attempts"], "2");
      assert.equal(response.headers["x-tollgate-route"], "direct,hedge");
      await up.requests[0].closed;
      assert.equal(up.requests.length, 2);
      assert.equal(await hedges(gateway, "won"), 1);
      assert.equal(await gateway.metric("tollgate_attempts_total", { outcome: "outpaced" }), 1);
      assert.equal(await gateway.metric("tollgate_attempts_total", { outcome: "ok" }), 1);
      assert.ok((await gateway.metric("tollgate_tokens_total", { source: "estimate", kind: "input" })) > 0, "the loser is costed");
      assert.equal(await gateway.metric("tollgate_tokens_total", { source: "vendor", kind: "input" }), 3);
      assert.equal(await gateway.metric("tollgate_breaker_state", { provider: "up", model: "m" }), 0);
    });

    test(`a first answer that comes after all cancels the second attempt (${stream ? "stream" : "whole"})`, async (t) => {
      const { up, gateway } = await answering(t, [after(250), never]);
      const response = await gateway.chat({ model: "up/m", stream });
      assert.equal(response.text, stream ? streamText() : JSON.stringify(completion()));
      assert.equal(response.headers["x-tollgate-attempts"], "2");
      await up.requests[1].closed;
      assert.equal(await hedges(gateway, "lost"), 1);
      assert.equal(await gateway.metric("tollgate_attempts_total", { outcome: "outpaced" }), 1);
      assert.ok((await gateway.metric("tollgate_tokens_total", { source: "estimate", kind: "input" })) > 0, "the loser is costed");
    });
  }

  test("an answer of a stream's head alone is not a good one", async (t) => {
    const silent = async (incoming) => { await incoming.stream(); await incoming.chunk(": thinking\n\n"); };
    const { gateway } = await answering(t, [silent, wellBehaved]);
    const response = await gateway.chat({ model: "up/m", stream: true });
    assert.equal(response.text, streamText());
    assert.equal(await hedges(gateway, "won"), 1);
  });

  test("an answer in another vendor's protocol wins like any other", async (t) => {
    const message = { id: "msg_1", type: "message", role: "assistant", model: "c", content: [{ type: "text", text: "Hello." }], stop_reason: "end_turn", usage: { input_tokens: 3, output_tokens: 2 } };
    let n = 0;
    const claude = await FakeUpstream.start(t, (incoming) => (n++ === 0 ? undefined : incoming.reply(200, message)));
    const { gateway } = await answering(t, [wellBehaved], { providers: { anthropic: { base_url: `${claude.url}/v1`, api_key: "k" } } });
    const response = await gateway.chat({ model: "anthropic/c", max_tokens: 9 });
    assert.equal(response.status, 200, response.text);
    assert.equal(response.json().choices[0].message.content, "Hello.");
    assert.equal(response.headers["x-tollgate-route"], "direct,hedge");
  });

  test("a group asks another target, a chain the same one again", async (t) => {
    const other = await FakeUpstream.start(t, wellBehaved);
    const { up, gateway } = await answering(t, [never, never, wellBehaved], {
      providers: { other: compat(other) },
      models: { spread: { balance: "order", targets: ["up/m", "other/m"] }, chain: { chain: ["up/m", "other/m"] } },
    });
    assert.equal((await gateway.chat({ model: "spread" })).headers["x-tollgate-provider"], "other");
    assert.equal((await gateway.chat({ model: "chain" })).headers["x-tollgate-provider"], "up");
    assert.equal(up.requests.length, 3);
  });

  test("a client that leaves cancels both", async (t) => {
    const { up, gateway } = await answering(t, [never]);
    const leaving = new AbortController();
    const asked = fetch(`${gateway.baseURL}/chat/completions`, {
      method: "POST", signal: leaving.signal, headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "up/m", messages: [{ role: "user", content: "hi" }] }),
    });
    await up.request(1);
    leaving.abort();
    await assert.rejects(asked);
    await Promise.all(up.requests.map((request) => request.closed));
    assert.equal(await hedges(gateway, "lost"), 1);
  });
});

describe("when one of the two fails", { concurrency: 4 }, () => {
  test("the second is waited for, and nothing else is asked", async (t) => {
    const { up, gateway } = await answering(t, [after(150, refusing), after(400)]);
    const response = await gateway.chat({ model: "up/m" });
    assert.equal(response.status, 200, response.text);
    assert.equal(up.requests.length, 2);
    assert.equal(await hedges(gateway, "won"), 1);
    assert.equal(await gateway.metric("tollgate_attempts_total", { outcome: "upstream_unavailable" }), 1);
  });

  test("a second one that fails leaves the first alone", async (t) => {
    const { up, gateway } = await answering(t, [after(400), refusing]);
    const response = await gateway.chat({ model: "up/m" });
    assert.equal(response.status, 200, response.text);
    assert.equal(up.requests.length, 2);
    assert.equal(await hedges(gateway, "failed"), 1);
  });

  test("when both do, the error lists both", async (t) => {
    const { gateway } = await answering(t, [after(300, refusing), refusing], { failover: { retries: 0 } });
    const response = await gateway.chat({ model: "up/m" });
    assert.equal(response.status, 502);
    assert.match(response.json().error.message, /All 2 attempts failed.*boom.*boom/);
  });
});

describe("there is no second attempt", { concurrency: 4 }, () => {
  test("where asking twice would leave more behind than asking once", async (t) => {
    const { up, gateway } = await answering(t, [after(200)]);
    const search = { tools: [{ type: "web_search" }] };
    for (const more of [{ store: true }, search, { web_search_options: {} }]) {
      assert.equal((await gateway.chat({ model: "up/m", ...more })).headers["x-tollgate-attempts"], "1", JSON.stringify(more));
    }
    assert.equal((await gateway.chat({ model: "up/m" }, { "idempotency-key": "k" })).headers["x-tollgate-attempts"], "1");
    assert.equal(up.requests.length, 4);
  });

  test("beyond the budget", async (t) => {
    const { up, gateway } = await answering(t, [after(150)], { failover: { hedge: { after: "30ms", budget: "25%" } } });
    for (let i = 0; i < 4; ++i) await gateway.chat({ model: "up/m" });
    assert.equal(up.requests.length, 5);
    assert.equal(await hedges(gateway, "no_budget"), 3);
  });

  test("before enough is known of the target", async (t) => {
    const { up, gateway } = await answering(t, [after(100)], { failover: { hedge: { after: "p95", budget: "100%" } } });
    for (let i = 0; i < 3; ++i) await gateway.chat({ model: "up/m" });
    assert.equal(up.requests.length, 3);
  });

  test("where it is not asked for", async (t) => {
    const { up, gateway } = await answering(t, [after(200)], { failover: { hedge: { after: "off" } } });
    assert.equal((await gateway.chat({ model: "up/m" })).headers["x-tollgate-attempts"], "1");
    assert.equal(up.requests.length, 1);
  });
});

test("with 2 % slow calls the 99th percentile is halved for at most 5 % more calls", async (t) => {
  const kRequests = 500;
  const p99 = async (hedge) => {
    let n = 0;
    const up = await FakeUpstream.start(t, (incoming) => after(n++ % 50 === 49 ? 1500 : 40)(incoming));
    const gateway = await Gateway.start(t, { server: { threads: 1 }, providers: { up: compat(up) }, failover: { hedge } });
    const times = [];
    let left = kRequests;
    const client = async () => {
      while (left-- > 0) {
        const begun = performance.now();
        assert.equal((await gateway.chat({ model: "up/m" })).status, 200);
        times.push(performance.now() - begun);
      }
    };
    await Promise.all(Array.from({ length: 10 }, client));
    await eventually(() => times.length === kRequests, "the answers");
    return { p99: times.sort((a, b) => a - b)[Math.floor(kRequests * 0.99)], calls: up.requests.length };
  };
  const [without, hedged] = await Promise.all([p99({ after: "off" }), p99({ after: "p95", budget: "5%" })]);
  t.diagnostic(`p99 ${without.p99.toFixed(0)} ms without, ${hedged.p99.toFixed(0)} ms with; ${hedged.calls - kRequests} more calls`);
  assert.ok(hedged.p99 * 2 <= without.p99, `${hedged.p99} ms of ${without.p99} ms`);
  assert.ok(hedged.calls <= kRequests * 1.05, `${hedged.calls}`);
});
