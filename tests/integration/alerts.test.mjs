// Webhooks that hear of budgets that near their end: once for each threshold, again and again where they fail, and never
// in a request's way.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway } from "./support/gateway.mjs";
import { stateDirectory } from "./support/ledger.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

const kPath = "/services/T0/B0/secret?thread=1";
// A token is a cent.
const kCost = { prices: { "demo/demo-1": { input: 0, cache_write: 0, output: 10000 } } };

async function start(t, webhooks, more = {}) {
  return Gateway.start(t, {
    providers: { default: "demo", demo: {} }, cost: kCost, budgets: [{ usd: 1, per: "month" }],
    alerts: { webhooks: webhooks.map((hook) => `${hook.url}${kPath}`) }, ...more,
  });
}
const spend = async (gateway, tokens) => {
  const answer = await gateway.chat({ model: "demo-1", max_tokens: tokens });
  assert.equal(answer.status, 200, answer.text);
  return answer.json().usage.completion_tokens;
};
async function spendAtLeast(gateway, wanted) {
  for (let used = 0; used < wanted;) used += await spend(gateway, 5);
}
const thresholds = (hook) => hook.requests.map((request) => request.json.threshold_percent).sort((a, b) => a - b);

describe("a webhook", () => {
  test("hears of each threshold once, in words for Slack and in fields", async (t) => {
    const hook = await FakeUpstream.start(t, (call) => call.reply(200, "ok", { "content-type": "text/plain" }));
    const gateway = await start(t, [hook]);
    for (let used = 0; used < 96;) used += await spend(gateway, Math.min(10, 100 - used));
    await eventually(() => hook.requests.length >= 3, "three alerts");
    assert.equal(await gateway.counted("tollgate_alerts_total", { result: "sent" }), 3);
    assert.deepEqual(thresholds(hook), [50, 80, 95]);
    for (const request of hook.requests) {
      assert.equal(request.target, kPath);
      assert.equal(request.method, "POST");
      assert.equal(request.headers["content-type"], "application/json");
      const { text, ...fields } = request.json;
      assert.match(text, /^The budget of the whole gateway has reached \d\d %: \$0\.\d+ of \$1 per month is spent\. It renews at \d{4}-\d\d-01T00:00:00Z\.$/);
      assert.equal(fields.event, "budget_threshold");
      assert.equal(fields.limit_usd, "1");
      assert.ok(Number(fields.spent_usd) * 100 >= fields.threshold_percent - 1e-9);
    }
    assert.ok(!gateway.log.includes("secret"));
  });

  test("that fails is tried again until it takes the alert", async (t) => {
    let failures = 2;
    const hook = await FakeUpstream.start(t, (call) => (failures-- > 0 ? (failures === 1 ? call.reset() : call.reply(503, "later")) : call.reply(204, "")));
    const gateway = await start(t, [hook], { alerts: { webhooks: [`${hook.url}${kPath}`], thresholds: [5] } });
    await spendAtLeast(gateway, 6);
    await eventually(async () => (await gateway.metric("tollgate_alerts_total", { result: "sent" })) === 1, "the alert to be taken");
    assert.equal(hook.requests.length, 3);
  });

  test("that refuses is told of in the log without its secret, and not asked again", async (t) => {
    const refuses = await FakeUpstream.start(t, (call) => call.reply(410, "gone"));
    const takes = await FakeUpstream.start(t, (call) => call.reply(200, "ok"));
    const gateway = await start(t, [refuses, takes], { alerts: { webhooks: [refuses, takes].map((hook) => `${hook.url}${kPath}`), thresholds: [5] } });
    await spendAtLeast(gateway, 6);
    const line = await gateway.logged((one) => one.event === "a webhook has not taken an alert", "the refusal");
    assert.match(line.problem, /410/);
    assert.equal(line.webhook, refuses.url);
    await eventually(() => takes.requests.length === 1, "the other one");
    assert.equal(await gateway.metric("tollgate_alerts_total", { result: "failed" }), 1);
    assert.equal(refuses.requests.length, 1);
  });

  test("that never answers holds up neither requests nor the end", async (t) => {
    const silent = await FakeUpstream.start(t, () => {});
    const gateway = await start(t, [silent], { alerts: { webhooks: [`${silent.url}${kPath}`], thresholds: [1] } });
    await spendAtLeast(gateway, 6);
    await eventually(() => silent.requests.length === 1, "the alert");
    for (let i = 0; i < 5; ++i) await spend(gateway, 5);
    await gateway.stop();
  });

  test("hears nothing of what an earlier process has told", async (t) => {
    const hook = await FakeUpstream.start(t, (call) => call.reply(200, "ok"));
    const more = { alerts: { webhooks: [`${hook.url}${kPath}`], thresholds: [5, 50] }, state_dir: stateDirectory(t) };
    const first = await start(t, [hook], more);
    await spendAtLeast(first, 6);
    await eventually(() => hook.requests.length === 1, "the first alert");
    await first.stop();
    const second = await start(t, [hook], more);
    await spendAtLeast(second, 50);
    await eventually(() => hook.requests.length === 2, "the second alert");
    assert.deepEqual(thresholds(hook), [5, 50]);
  });
});
