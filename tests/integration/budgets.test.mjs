// Budgets: hard under real concurrency, exact after it, kept over crashes, and clear about what is left.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat, run } from "./support/gateway.mjs";
import { eventData } from "./support/http.mjs";
import { ask, imported, pico, stateDirectory } from "./support/ledger.mjs";
import { FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const sha256 = (text) => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
const kProviders = { default: "demo", demo: {} };
// Only output costs: a worst case is max_tokens times $1000 per million, so 0.1 USD for 100 tokens.
const kPrice = { input: 0, cache_write: 0, output: 1000 };
const kCost = { prices: { "demo/demo-1": kPrice } };
const spentUsd = (gateway, labels) => gateway.metric("tollgate_budget_spent_usd", labels);
// Cells of gauges are doubles: compared to a millionth of a micro-dollar.
const isClose = (a, b) => Math.abs(a - b) < 1e-12;

function hold(gateway, body, headers = {}) {
  const controller = new AbortController();
  const answer = fetch(`${gateway.baseURL}/chat/completions`, {
    method: "POST", signal: controller.signal,
    headers: { "content-type": "application/json", "x-tollgate-demo": "latency=60s", ...headers },
    body: JSON.stringify({ model: "demo-1", stream: true, messages: [{ role: "user", content: "x" }], ...body }),
  }).catch((error) => error);
  return { answer, leave: () => controller.abort() };
}

describe("a budget", () => {
  test("of ten worst cases lets ten of 200 streams run at once, on all workers", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: kProviders, cost: kCost, budgets: [{ usd: 1, per: "total" }], server: { threads: 4 },
    });
    const held = Array.from({ length: 200 }, () => hold(gateway, { max_tokens: 100 }));
    const refused = [];
    for (const one of held) one.answer.then((answer) => refused.push(answer));
    await eventually(() => refused.length === 190, "190 refusals");
    assert.ok(refused.every((answer) => answer.status === 429));
    assert.equal(await gateway.metric("tollgate_budget_reserved_usd"), 1);
    for (const one of held) one.leave();
    await Promise.all(held.map((one) => one.answer));
    await gateway.settled();
    assert.equal(await gateway.metric("tollgate_budget_reserved_usd"), 0);
    // Only prompts were used up, and they cost nothing here.
    assert.equal(await spentUsd(gateway), 0);
  });

  test("is never overshot by hundreds of streams that end at different times, and pays what they cost", async (t) => {
    const dir = stateDirectory(t);
    const gateway = await Gateway.start(t, {
      providers: { default: "demo", demo: { demo: { chunks: 3, chunk_delay: "2ms" } } }, cost: kCost, state_dir: dir,
      budgets: [{ usd: 1, per: "total" }], server: { threads: 4 },
    });
    let told = 0n;
    let served = 0;
    let refused = 0;
    const one = async (i) => {
      const answer = await gateway.chat({ model: "demo-1", stream: true, max_tokens: 3 + (i % 13), stream_options: { include_usage: true } });
      if (answer.status === 429) return (refused += 1);
      const events = eventData(answer.text);
      assert.equal(events.at(-1), "[DONE]");
      told += pico(JSON.parse(events.at(-2)).usage.cost);
      return (served += 1);
    };
    let looking = true;
    const looks = (async () => {
      while (looking) {
        const [spent, reserved] = [await spentUsd(gateway), await gateway.metric("tollgate_budget_reserved_usd")];
        assert.ok(spent <= 1 + 1e-12, `${spent} spent, ${reserved} set aside`);
      }
    })();
    for (let round = 0; round < 20 && told <= pico("0.98"); ++round) {
      await Promise.all(Array.from({ length: 300 }, (_, i) => one(i)));
    }
    looking = false;
    await looks;
    await gateway.settled();
    assert.ok(told <= pico("1"), `${told}`);
    assert.ok(told > pico("0.98"), `${told}: refused too early`);
    assert.ok(served > 50 && refused > 50, `${served} served, ${refused} refused`);
    assert.ok(isClose(await spentUsd(gateway), Number(told) / 1e12));
    await imported(gateway);
    assert.equal(BigInt(ask(dir, "SELECT cast(sum(cost_pico) AS TEXT) AS sum FROM requests")[0].sum), told);
  });

  test("is settled with what was used", async (t) => {
    const keys = [{ name: "a", hash: sha256("a"), team: "t", budget: { usd: 0.15, per: "month" } }];
    const gateway = await Gateway.start(t, { providers: kProviders, cost: kCost, keys });
    const first = await gateway.chat({ model: "demo-1", max_tokens: 100 }, bearer("a"));
    assert.equal(first.status, 200);
    const used = first.json().usage.completion_tokens;
    await gateway.settled();
    const spent = await spentUsd(gateway, { scope: "key", name: "a", per: "month" });
    assert.ok(isClose(spent, used / 1000), `${spent} for ${used} tokens`);
    assert.ok(isClose(await gateway.metric("tollgate_cost_usd_total", { key: "a", team: "t", model: "demo-1" }), used / 1000));
    const second = await gateway.chat({ model: "demo-1", max_tokens: 151 - used }, bearer("a"));
    assert.equal(second.status, 429);
    const { error } = second.json();
    assert.equal(error.code, "insufficient_quota");
    assert.equal(error.type, "insufficient_quota");
    assert.match(error.message, /the key 'a' \(\$0\.15 per month\) has \$0\.\d+ left, and this request may cost \$0\.\d+/);
    assert.match(error.message, /renews at \d{4}-\d\d-01T00:00:00Z/);
    assert.equal(second.headers["x-should-retry"], "false");
    assert.equal(await gateway.metric("tollgate_limit_rejections_total", { key: "a", limit: "budget" }), 1);
    assert.equal((await gateway.chat({ model: "demo-1", max_tokens: 150 - used }, bearer("a"))).status, 200);
  });

  test("sets aside every answer and every prompt that is asked for, and the model's own limit where none is named", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: kProviders, budgets: [{ usd: 0.3, per: "total" }],
      cost: { prices: { "demo/demo-1": kPrice }, reserve: { output: 301 } },
    });
    const may = async (path, body) => (await gateway.post(path, { model: "demo-1", ...body })).status;
    const messages = [{ role: "user", content: "x" }];
    assert.equal(await may("/v1/chat/completions", { messages, n: 3, max_tokens: 101 }), 429);
    assert.equal(await may("/v1/completions", { prompt: ["a", "b", "c"], max_tokens: 101 }), 429);
    assert.equal(await may("/v1/completions", { prompt: [1, 2, 3], max_tokens: 101 }), 200);
    assert.equal(await may("/v1/chat/completions", { messages }), 429);
  });

  test("of a provider sends requests to the next target", async (t) => {
    const gateway = await Gateway.start(t, {
      providers: { ...kProviders, second: { type: "demo" } }, cost: kCost,
      models: { both: { chain: ["demo/demo-1", "second/demo-1"] } },
      budgets: [{ provider: "demo", usd: 0.05, per: "day" }],
    });
    const answer = await gateway.chat({ model: "both", max_tokens: 100 });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-tollgate-provider"], "second");
    const alone = await gateway.chat({ model: "demo/demo-1", max_tokens: 100 });
    assert.equal(alone.status, 429);
    assert.equal(alone.json().error.code, "insufficient_quota");
  });

  test("pays for an attempt that failed after its vendor told what it used", async (t) => {
    const upstream = await FakeUpstream.start(t, async (call) => {
      await call.head(200, { "content-type": "text/event-stream" });
      await call.write(`data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":11,"total_tokens":11}}\n\ndata: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n`);
      await call.end();
    });
    const gateway = await Gateway.start(t, {
      providers: { ...kProviders, up: compat(upstream) }, models: { m: { chain: ["up/m", "demo/demo-1"] } },
      cost: { prices: { ...kCost.prices, "up/m": kPrice } },
      budgets: [{ provider: "up", usd: 1, per: "day" }, { usd: 1, per: "day" }],
    });
    const answer = await gateway.chat({ model: "m", stream: true, max_tokens: 20, stream_options: { include_usage: true } });
    assert.equal(answer.headers["x-tollgate-provider"], "demo", answer.text);
    const { usage } = JSON.parse(eventData(answer.text).at(-2));
    await gateway.settled();
    assert.ok(isClose(await spentUsd(gateway, { scope: "provider", name: "up" }), 0.011));
    assert.ok(isClose(await spentUsd(gateway, { scope: "everything" }), 0.011 + usage.completion_tokens / 1000));
    assert.ok(isClose(await gateway.metric("tollgate_cost_usd_total", { provider: "up" }), 0.011));
  });

  test("pays for both where a second attempt is sent beside a slow one, and sends none that it has no money for", async (t) => {
    for (const [usd, requests] of [[1, 2], [0.1, 1]]) {
      let n = 0;
      const upstream = await FakeUpstream.start(t, async (call) => {
        if (n++ === 0) await (requests === 2 ? upstream.request(1) : new Promise((resolve) => setTimeout(resolve, 400)));
        await wellBehaved(call);
      });
      const gateway = await Gateway.start(t, {
        providers: { up: compat(upstream) }, budgets: [{ usd, per: "day" }],
        failover: { hedge: { after: "60ms", budget: "100%" } }, cost: { prices: { "up/m": { ...kPrice, input: 1000 } } },
      });
      const answer = await gateway.chat({ model: "up/m", max_tokens: 50 });
      assert.equal(answer.status, 200, answer.text);
      await gateway.settled();
      assert.equal(upstream.requests.length, requests);
      assert.equal(await gateway.metric("tollgate_budget_reserved_usd"), 0);
      const cost = await gateway.metric("tollgate_cost_usd_total");
      assert.ok(isClose(await spentUsd(gateway), cost), `${cost}`);
      assert.equal(cost > Number(answer.headers["x-tollgate-cost-usd"]), requests === 2);
    }
  });

  test("keeps what was spent over a reload that changes its size", async (t) => {
    const config = { providers: kProviders, cost: kCost, budgets: [{ usd: 0.05, per: "week" }], admin: { listen: "127.0.0.1:0" } };
    const gateway = await Gateway.start(t, config);
    assert.equal((await gateway.chat({ model: "demo-1", max_tokens: 50 })).status, 200);
    await gateway.settled();
    const spent = await spentUsd(gateway);
    assert.ok(spent > 0);
    gateway.writeConfig({ ...config, budgets: [{ usd: 5, per: "week" }] });
    assert.equal((await gateway.admin("POST", "reload")).status, 200);
    assert.equal(await spentUsd(gateway), spent);
    assert.equal(await gateway.metric("tollgate_budget_limit_usd"), 5);
  });

  test("that a reload adds counts what its period has seen", async (t) => {
    const keys = [{ name: "a", team: "t", tags: ["x"], hash: sha256("a") }];
    const config = { providers: kProviders, cost: kCost, keys, admin: { listen: "127.0.0.1:0" } };
    const gateway = await Gateway.start(t, config);
    const answer = await gateway.chat({ model: "demo-1", max_tokens: 50 }, bearer("a"));
    const cost = Number(answer.headers["x-tollgate-cost-usd"]);
    assert.ok(cost > 0);
    const scopes = [{}, { key: "a" }, { team: "t" }, { tag: "x" }, { provider: "demo" }, { model: "demo-1" }, { model: "demo/demo-1" }];
    gateway.writeConfig({ ...config, budgets: ["hour", "day", "week", "month", "total"].flatMap((per) => scopes.map((scope) => ({ ...scope, usd: 5, per }))) });
    assert.equal((await gateway.admin("POST", "reload")).status, 200);
    assert.ok(isClose(await spentUsd(gateway), 5 * scopes.length * cost));
  });

  for (const signal of ["SIGTERM", "SIGKILL"]) {
    test(`keeps what was spent over a restart after ${signal}`, async (t) => {
      const config = { providers: kProviders, cost: kCost, budgets: [{ usd: 0.05, per: "total" }], state_dir: stateDirectory(t) };
      const first = await Gateway.start(t, config);
      const answer = await first.chat({ model: "demo-1", max_tokens: 50 });
      assert.equal(answer.status, 200);
      const cost = Number(answer.headers["x-tollgate-cost-usd"]);
      if (signal === "SIGKILL") {
        first.signal("SIGKILL");
        await first.exited();
      } else {
        await first.stop();
      }
      const second = await Gateway.start(t, config);
      assert.ok(isClose(await spentUsd(second), cost), second.log);
      assert.equal((await second.chat({ model: "demo-1", max_tokens: 50 })).status, 429);
    });
  }

  test("loses nothing of a load in whose midst the process is killed", async (t) => {
    const dir = stateDirectory(t);
    const config = { providers: kProviders, cost: kCost, budgets: [{ usd: 1000, per: "month" }], state_dir: dir };
    const first = await Gateway.start(t, config);
    let told = 0;
    const clients = Array.from({ length: 20 }, async () => {
      for (;;) {
        const answer = await first.chat({ model: "demo-1", max_tokens: 20 }).catch(() => null);
        if (answer?.status !== 200 || !answer.clean) return;
        told += Number(answer.headers["x-tollgate-cost-usd"]);
      }
    });
    await eventually(() => told > 0.5, "some load");
    first.signal("SIGKILL");
    await Promise.all(clients);
    const second = await Gateway.start(t, config);
    const spent = await spentUsd(second);
    assert.ok(spent >= told - 1e-9, `${spent} of ${told}`);
    const inLedger = () => Number(ask(dir, "SELECT cast(sum(cost_pico) AS TEXT) AS sum FROM requests")[0].sum) / 1e12;
    await eventually(() => Math.abs(spent - inLedger()) < 1e-9, `${spent} in the ledger`);
  });

  test("without a ledger begins at zero after a restart, and the check says so", async (t) => {
    const config = { providers: kProviders, cost: kCost, budgets: [{ usd: 0.05, per: "total" }], ledger: { enabled: false } };
    const gateway = await Gateway.start(t, config);
    const warning = gateway.lines.find((line) => line.event === "configuration warning");
    assert.match(warning.problem, /after a restart they begin at zero/);
    const { code, stdout } = await run(["check", "-c", gateway.configPath]);
    assert.equal(code, 0);
    assert.match(stdout, /warning: .*ledger.*begin at zero/);
  });
});
