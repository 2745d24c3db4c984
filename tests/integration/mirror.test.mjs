// A share of the requests goes to another model as well, and nobody notices.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { FakeUpstream, wellBehaved } from "./support/upstream.mjs";

async function start(t, shadow, { share = "100%", answer = wellBehaved } = {}) {
  const main = await FakeUpstream.start(t, answer);
  const copy = await FakeUpstream.start(t, shadow);
  const gateway = await Gateway.start(t, {
    server: { threads: 1 },
    providers: { main: compat(main), copy: compat(copy, { headers: { "x-of": "copy" } }) },
    models: { smart: { targets: ["main/m"], shadow: { model: "copy/other", share } }, plain: "main/m" },
    cost: { prices: { "main/m": { input: 1, output: 1 }, "copy/other": { input: 2, output: 2 } } },
    failover: { retries: 0 },
  });
  return { main, copy, gateway };
}

describe("a mirrored request", () => {
  test("has the client's body with the shadow's model, and nothing that names the caller", async (t) => {
    const { main, copy, gateway } = await start(t, wellBehaved);
    const body = { model: "smart", temperature: 0.25, messages: [{ role: "user", content: "mirror me" }], x_unknown: [1] };
    const reply = await gateway.chat(body, { authorization: "Bearer of-the-caller", cookie: "a=b", "openai-beta": "x=1" });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers["x-tollgate-model"], "m");
    await eventually(() => copy.requests.length === 1, "the copy");
    const { json, headers } = copy.requests[0];
    assert.deepEqual(json, { ...body, model: "other" });
    assert.equal(headers["openai-beta"], "x=1");
    assert.ok(!copy.requests[0].rawHead.includes("of-the-caller") && !("cookie" in headers));
    assert.equal(main.requests.length, 1);
    assert.equal((await gateway.chat({ model: "plain" })).status, 200);
    assert.equal((await gateway.chat({ model: "main/m" })).status, 200);
    await gateway.settled();
    assert.equal(copy.requests.length, 1, "only of requests for the alias");
  });

  test("is counted and billed under its own label", async (t) => {
    const { gateway, copy } = await start(t, wellBehaved);
    for (const stream of [false, true]) assert.equal((await gateway.chat({ model: "smart", stream })).status, 200);
    await eventually(() => copy.requests.length === 2, "the copies");
    await eventually(async () => (await gateway.counted("tollgate_requests_total", { endpoint: "shadow", provider: "copy" })) === 2, "their end");
    assert.equal(await gateway.metric("tollgate_requests_total", { endpoint: "chat", provider: "main" }), 2);
    const own = await gateway.metric("tollgate_cost_usd_total", { provider: "main" });
    const copied = await gateway.metric("tollgate_cost_usd_total", { provider: "copy", key: "shadow" });
    assert.ok(own > 0 && Math.abs(copied - 2 * own) < 1e-9, `${copied} is twice ${own}`);
    const line = await gateway.logged(({ event, endpoint }) => event === "access" && endpoint === "shadow", "its access line");
    assert.equal(line.key, "shadow");
  });

  test("never delays or changes the answer, whatever becomes of it", async (t) => {
    // No connection is kept: what is reset on a kept one goes out once more on another.
    const refuse = (incoming) => incoming.reply(500, { error: { message: "no" } }, { connection: "close" });
    const faults = [() => {}, (incoming) => incoming.reset(), refuse];
    let next = 0;
    const { gateway, copy } = await start(t, (incoming) => faults[next++ % 3](incoming));
    for (let i = 0; i < 9; ++i) {
      const reply = await gateway.chat({ model: "smart", stream: i % 2 === 0 });
      assert.equal(reply.status, 200);
      assert.equal(reply.headers["x-tollgate-attempts"], "1");
    }
    await eventually(() => copy.requests.length === 9, "the copies");
    const began = performance.now();
    await gateway.stop(); // three copies hang
    assert.ok(performance.now() - began < 5000);
  });

  test("is bounded in number", async (t) => {
    const { gateway, copy, main } = await start(t, () => {});
    for (let i = 0; i < 80; ++i) assert.equal((await gateway.chat({ model: "smart" })).status, 200);
    await eventually(() => copy.requests.length === 64, "as many copies as there may be");
    assert.equal(main.requests.length, 80);
    assert.equal(copy.requests.length, 64);
  });

  test("is drawn by lot", async (t) => {
    const { gateway, copy } = await start(t, wellBehaved, { share: "50%" });
    for (let i = 0; i < 200; ++i) await gateway.chat({ model: "smart" });
    await gateway.settled();
    // 200 draws at 50 %: outside of 50..150 about once in 10^12.
    assert.ok(copy.requests.length > 50 && copy.requests.length < 150, `${copy.requests.length}`);
  });
});
