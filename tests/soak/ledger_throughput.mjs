// Minutes of requests as fast as the gateway answers them, each a row of the ledger:
//   TOLLGATE_BIN=build/release/tollgate node tests/soak/ledger_throughput.mjs [SECONDS]      (600 unless told otherwise)
// The demo vendor answers, with a key that has limits and two budgets, and the whole process has one core, which its worker
// wants for itself.  h2load (Debian: nghttp2-client) asks.  Ends with 1 when a row is missing, when memory grew, or when
// the journal is not imported a quarter of the time later.  It takes about 250 bytes of disk a row.
import { execFileSync, spawn } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { Gateway } from "../integration/support/gateway.mjs";
import { ask } from "../integration/support/ledger.mjs";
import { createHash } from "node:crypto";

const seconds = Number(process.argv[2] ?? 600);
const kEvery = Math.max(1, Math.round(seconds / 20));
const secret = "sk-soak";
const cleanUp = [];
const t = { after: (last) => cleanUp.unshift(last) };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const mb = (bytes) => (bytes / 1e6).toFixed(1);

async function soak() {
  const gateway = await Gateway.start(t, {
    server: { threads: 1 },
    providers: { demo: {} },
    cost: { prices: { "demo/demo-1": { input: 1, output: 2 } } },
    keys: [{ name: "soak", hash: `sha256:${createHash("sha256").update(secret).digest("hex")}`,
      limits: { rpm: 100_000_000, tpm: 100_000_000_000, concurrency: 1000 }, budget: { usd: 1_000_000, per: "month" } }],
    budgets: [{ usd: 2_000_000, per: "month" }],
    logging: { access: false },
  });
  const last = cpus().length - 1;
  if (last > 0) execFileSync("taskset", ["-apc", String(last), String(gateway.pid)], { stdio: "ignore" });
  const file = join(gateway.dir, "body.json");
  writeFileSync(file, JSON.stringify({ model: "demo/demo-1", messages: [{ role: "user", content: "hello" }] }));
  const load = spawn("h2load", ["--h1", "-D", String(seconds), "-c", "64", "-t", "1", "-d", file, "-H", "content-type: application/json",
    "-H", `authorization: Bearer ${secret}`, `http://127.0.0.1:${gateway.port}/v1/chat/completions`], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => load.kill());
  let report = "";
  load.stdout.setEncoding("utf8").on("data", (text) => (report += text));
  let running = true;
  const loaded = new Promise((resolve, reject) => load.on("error", reject).on("close", resolve)).finally(() => (running = false));

  // One look at the gateway: what it holds, what it has imported, what waits.
  const begun = Date.now();
  const memory = [];
  let rows = 0;
  let at = begun;
  async function look() {
    const [now, backlog, bytes, lag] = [await gateway.metric("tollgate_ledger_rows_total"), await gateway.metric("tollgate_ledger_backlog_rows"),
      await gateway.metric("tollgate_ledger_backlog_bytes"), await gateway.metric("tollgate_ledger_import_lag_seconds")];
    const time = Date.now();
    console.log(`${String(Math.round((time - begun) / 1000)).padStart(4)} s  RSS ${mb(gateway.residentBytes()).padStart(6)} MB  ` +
      `${String(Math.round((now - rows) / ((time - at) / 1000))).padStart(6)} rows/s  ${String(backlog).padStart(8)} rows waiting in ` +
      `${mb(bytes)} MB, the oldest for ${lag.toFixed(1)} s`);
    [rows, at] = [now, time];
    memory.push(gateway.residentBytes());
    return backlog;
  }
  while (running) {
    await Promise.race([loaded, sleep(kEvery * 1000)]);
    await look();
  }
  const end = Date.now();
  let waiting = await look();
  while (waiting > 0 && Date.now() - end < (seconds / 4) * 1000) {
    await sleep(200);
    waiting = await gateway.metric("tollgate_ledger_backlog_rows");
  }
  const caughtUp = (Date.now() - end) / 1000;
  const lost = await gateway.metric("tollgate_ledger_lost_rows_total");
  const line = /requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(report);
  const [{ count, cost }] = ask(gateway.dir, "SELECT count(*) AS count, CAST(sum(cost_pico) AS TEXT) AS cost FROM requests");
  const [{ summed }] = ask(gateway.dir, "SELECT CAST(sum(cost_usd) * 1000000000000 + sum(cost_pico) AS TEXT) AS summed FROM sums WHERE grain = 2");
  const third = Math.max(1, Math.floor(memory.length / 3));
  const early = Math.max(...memory.slice(0, third));
  const late = Math.max(...memory.slice(-third));
  console.log(`${line?.[0] ?? report}\n${count} rows (${Math.round(count / seconds)} a second), ${lost} lost, caught up ${caughtUp.toFixed(1)} s after ` +
    `the load; RSS at most ${mb(early)} MB in the first third, ${mb(late)} MB in the last; ${mb(statSync(join(gateway.dir, "ledger.sqlite")).size)} MB of ledger`);
  // What was under way when h2load stopped is a row as well.
  return line !== null && waiting === 0 && lost === 0 && count >= Number(line[4]) && count <= Number(line[2]) && cost === summed &&
    late <= early * 1.1 + 16e6;  // segments of the journal are 8 MB each
}

try {
  process.exitCode = (await soak()) ? 0 : 1;
} finally {
  for (const last of cleanUp) await last();
}
