// What deploy/ gives to Prometheus and Grafana, asked of a real Prometheus that scrapes a running gateway.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { request } from "./support/http.mjs";
import { closedPort, FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const promtool = (...args) => {
  const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: join(deploy, "prometheus"), encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
};

test("promtool accepts the scrape configuration", () => promtool("check", "config", "prometheus.yml"));
test("promtool accepts the alerts", () => promtool("check", "rules", "alerts.yml"));
test("each alert fires on what it is for, and on nothing else", () => promtool("test", "rules", "alerts_test.yml"));

const hashOf = (secret) => `sha256:${createHash("sha256").update(secret).digest("hex")}`;

/// Every expression of a dashboard, as Grafana would send it.
function expressionsOf(dashboard) {
  return dashboard.panels.flatMap((panel) => panel.targets.map(({ expr }) => ({
    name: `${dashboard.title}: ${panel.title}`,
    query: expr.replaceAll("$__rate_interval", "10s").replaceAll("$__range", "1m").replaceAll("$provider", ".*").replaceAll("$model", ".*"),
  })));
}

/// The selectors of an alert: what it looks at, whether or not it fires.
function selectorsOf(rules) {
  return [...new Set([...rules.matchAll(/\b(tollgate_\w+|up)(\{[^}]*\})?/g)].filter(([, name]) => name !== "tollgate").map(([text]) => text))];
}

// A sanitizer's build has nothing to add to queries.
describe("after a demo load", { skip: Boolean(process.env.TOLLGATE_SANITIZER) }, () => {
  const dir = mkdtempSync(join(tmpdir(), "tollgate-prometheus-"));
  let prometheus;
  let port;
  let load;
  let loading = true;
  const cleanUp = [];
  const t = { after: (last) => cleanUp.unshift(last) }; // hooks that are set within a hook end with it

  before(async () => {
    const upstream = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, {
      providers: { default: "demo", demo: {}, other: { type: "demo" }, vllm: compat(upstream) },
      models: { smart: { chain: ["demo/demo-1", "other/demo-1"] } },
      failover: { retries: 1, backoff: { base: "1ms", max: "1ms" } },
      keys: [
        { name: "team-key", team: "search", hash: hashOf("tg-demo"), budget: { usd: 100, per: "month" } },
        { name: "limited", hash: hashOf("tg-limited"), limits: { rpm: 1 } },
      ],
    });
    const as = (key) => ({ authorization: `Bearer ${key}` });
    const round = async () => {
      await gateway.chat({ model: "demo-1", stream: true }, as("tg-demo"));
      await gateway.chat({ model: "smart", stream: true }, as("tg-demo"));
      await gateway.chat({ model: "smart" }, { ...as("tg-demo"), "x-tollgate-demo": "fault=server_error; fail=1" });
      await gateway.chat({ model: "demo-1", stream: true }, { ...as("tg-demo"), "x-tollgate-demo": "fault=cut" });
      await gateway.chat({ model: "demo-1" }, { ...as("tg-demo"), "x-tollgate-demo": "fault=server_error" });
      await gateway.chat({ model: "vllm/m" }, as("tg-demo")); // has no price
      await gateway.chat({ model: "demo-1" }, as("tg-limited"));
    };
    load = (async () => {
      while (loading) {
        await round().catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    port = await closedPort();
    writeFileSync(join(dir, "prometheus.yml"), readFileSync(join(deploy, "prometheus/prometheus.yml"), "utf8")
      .replaceAll("15s", "1s").replace("127.0.0.1:4000", `127.0.0.1:${gateway.port}`).replace("alerts.yml", join(deploy, "prometheus/alerts.yml")));
    prometheus = spawn("prometheus", [`--config.file=${join(dir, "prometheus.yml")}`, `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
    prometheus.stderr.resume();
    await eventually(async () => (await query("up")).some(({ value }) => value[1] === "1"), "Prometheus to have scraped", 30_000);
  });
  after(async () => {
    loading = false;
    await load;
    for (const last of cleanUp) await last();
    const ended = new Promise((resolve) => prometheus.once("exit", resolve));
    prometheus.kill("SIGKILL");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  });

  async function query(text) {
    const answer = await request(port, { path: `/api/v1/query?query=${encodeURIComponent(text)}` }).catch(() => null);
    return answer?.status === 200 ? JSON.parse(answer.text).data.result : [];
  }
  const hasData = async (text) => (await query(text)).some(({ value }) => value[1] !== "NaN");

  for (const file of readdirSync(join(deploy, "grafana")).filter((name) => name.endsWith(".json"))) {
    const dashboard = JSON.parse(readFileSync(join(deploy, "grafana", file), "utf8"));
    test(`every panel of ${file} shows something`, async () => {
      for (const { name, query: text } of expressionsOf(dashboard)) {
        await eventually(() => hasData(text), `data for ${name}: ${text}`, 30_000);
      }
    });
  }

  test("every series that an alert looks at is there", async () => {
    for (const selector of selectorsOf(readFileSync(join(deploy, "prometheus/alerts.yml"), "utf8").replace(/^\s*(- alert|summary|action|#).*$/gm, ""))) {
      await eventually(async () => (await query(selector)).length > 0, `data for ${selector}`, 30_000);
    }
  });

  test("Prometheus has loaded the alerts and can evaluate each", async () => {
    const rules = await eventually(async () => {
      const { data } = JSON.parse((await request(port, { path: "/api/v1/rules" })).text);
      const all = data.groups.flatMap((group) => group.rules);
      return all.length > 0 && all.every((rule) => rule.health === "ok") && all;
    }, "the alerts to be evaluated", 30_000);
    assert.ok(rules.length >= 8);
  });
});
