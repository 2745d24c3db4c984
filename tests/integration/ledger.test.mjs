// The ledger: what it holds, that it loses nothing, and what it does when the disk fails it.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Gateway, compat, run } from "./support/gateway.mjs";
import { ask, compare, imported, keepChatting, killAndCompare, segments, stateDirectory } from "./support/ledger.mjs";
import { FakeUpstream } from "./support/upstream.mjs";

const slow = (process.env.TOLLGATE_SANITIZER ?? "") !== "";
const hello = { model: "demo/demo-1", messages: [{ role: "user", content: "hi" }] };

describe("what is in the ledger", () => {
  test("one row for each request of a known caller, with who asked and what it took", async (t) => {
    const dir = stateDirectory(t);
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: dir });
    const whole = await gateway.chat({ ...hello, user: "u\u00e91" }, { "x-tollgate-tags": "red, blue,red, no way" });
    const stream = await gateway.chat({ ...hello, stream: true, stream_options: { include_usage: true } });
    const wrong = await gateway.chat({ ...hello, model: "demo/none" });
    const broken = await gateway.post("/v1/chat/completions", "{");
    assert.deepEqual([whole.status, stream.status, wrong.status, broken.status], [200, 200, 404, 400]);
    await gateway.get("/v1/models");
    await imported(gateway);
    const rows = ask(dir, "SELECT * FROM request_log ORDER BY id");
    assert.equal(rows.length, 4, "health, metrics and lists of models are no rows");
    const [first, second, third, fourth] = [whole, stream, wrong, broken].map(({ headers }) =>
      rows.find((row) => row.request_id === headers["x-request-id"]));
    const usage = JSON.parse(whole.text).usage;
    assert.deepEqual(
      [first.user_name, first.tag_list, first.endpoint_name, first.requested, first.provider_name, first.model_name],
      ["u\u00e91", "red,blue", "chat", "demo/demo-1", "demo", "demo-1"]);
    assert.deepEqual([first.status, first.outcome, first.attempts, first.stream], [200, 0, 1, 0]);
    assert.deepEqual([first.input + first.cache_read, first.output], [usage.prompt_tokens, usage.completion_tokens]);
    assert.ok(first.latency_us > 0 && first.ttft_us > 0 && first.ttft_us <= first.latency_us);
    assert.deepEqual([second.status, second.stream, second.tag_list], [200, 1, ""]);
    assert.ok(second.output > 0);
    assert.deepEqual([third.status, third.output], [404, 0]);
    assert.deepEqual([fourth.status, fourth.attempts, fourth.requested], [400, 0, ""]);
  });

  test("keys, teams and their tags; strangers leave no row", async (t) => {
    const dir = stateDirectory(t);
    const key = { name: "search", team: "web", tags: ["prod"], hash: "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b" };
    const gateway = await Gateway.start(t, { providers: { demo: {} }, keys: [key], state_dir: dir });
    assert.equal((await gateway.chat(hello, { authorization: "Bearer wrong" })).status, 401);
    assert.equal((await gateway.chat(hello, { authorization: "Bearer secret" })).status, 200);
    await imported(gateway);
    assert.deepEqual(ask(dir, "SELECT key_name, team_name, tag_list FROM request_log"),
      [{ key_name: "search", team_name: "web", tag_list: "prod" }]);
  });

  test("an attempt that failed after its vendor told what it used is a cost of that vendor", async (t) => {
    const dir = stateDirectory(t);
    // Usage, and then an end without a finish reason: the relay has not committed.
    const usage = { prompt_tokens: 11, completion_tokens: 0, total_tokens: 11 };
    const upstream = await FakeUpstream.start(t, async (call) => {
      await call.head(200, { "content-type": "text/event-stream" });
      await call.write(`data: {"choices":[],"usage":${JSON.stringify(usage)}}\n\ndata: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n`);
      await call.end();
    });
    const models = { m: { chain: ["up/m", "demo/demo-1"] } };
    const gateway = await Gateway.start(t, { providers: { up: compat(upstream), demo: {} }, models, state_dir: dir });
    const response = await gateway.chat({ ...hello, model: "m", stream: true });
    assert.equal(response.status, 200, response.text);
    await imported(gateway);
    const rows = ask(dir, `SELECT p.text AS provider, s.input FROM spent s JOIN names p ON p.id = s.provider`);
    assert.deepEqual(rows, [{ provider: "up", input: 11 }]);
    const { stdout } = await run(["usage", "--by", "provider", "--format", "json", "-c", gateway.configPath]);
    const report = JSON.parse(stdout);
    assert.deepEqual(report.rows.map((row) => [row.provider, row.requests]).sort(), [["demo", 1], ["up", 0]]);
  });
});

describe("reports", () => {
  test("the command line and the admin API agree, beside the gateway and without it", async (t) => {
    const dir = stateDirectory(t);
    const config = { providers: { demo: {} }, state_dir: dir, admin: { listen: "127.0.0.1:0" } };
    const gateway = await Gateway.start(t, config);
    for (let i = 0; i < 5; ++i) await gateway.chat({ ...hello, model: i % 2 ? "demo/demo-1" : "demo/demo-mini" });
    await imported(gateway);
    const listed = async (...args) => {
      const { code, stdout, stderr } = await run(["usage", "-c", gateway.configPath, ...args]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const beside = JSON.parse(await listed("--by", "provider", "--by=model", "--format", "json"));
    assert.deepEqual(beside.rows.map((row) => [row.model, row.requests]).sort(), [["demo-1", 2], ["demo-mini", 3]]);
    assert.equal(beside.total.requests, 5);
    const answer = await gateway.admin("GET", "usage?by=provider,model&since=1d");
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(JSON.parse(answer.text), beside);
    const csv = await gateway.admin("GET", "usage?by=model&format=csv");
    assert.match(csv.headers["content-type"], /^text\/csv/);
    assert.match(csv.text, /^model,requests,.*cost_usd\r\n/);
    assert.equal((await gateway.admin("GET", "usage?by=colour")).status, 400);
    await gateway.stop();
    assert.deepEqual(JSON.parse(await listed("--by", "provider,model", "--json")), beside);
    assert.match(await listed("--by", "model"), /^model +requests .*\n(demo-\S+ +[23] .*\n){2}total +5 /);
    assert.equal((await run(["usage", "-c", gateway.configPath, "--by", "colour"])).code, 1);
  });
});

describe("nothing is lost", () => {
  test("killed under load again and again: what clients were told is in the ledger, once", async (t) => {
    const { told, rows, cost } = await killAndCompare(t, { rounds: slow ? 3 : 10, clients: 12, milliseconds: 150 });
    assert.ok(told.size > (slow ? 50 : 500), `${told.size} answers`);
    assert.ok(rows >= told.size);
    assert.ok(cost > 0n);
  });

  test("a gateway that is stopped leaves no journal behind", async (t) => {
    const dir = stateDirectory(t);
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: dir });
    await gateway.chat(hello);
    await gateway.stop();
    assert.deepEqual(segments(dir), []);
    assert.equal(ask(dir, "SELECT count(*) AS n FROM requests")[0].n, 1);
  });
});

describe("trouble with the disk", () => {
  const health = async (gateway) => {
    const { status, text } = await gateway.get("/health/ready");
    return [status, JSON.parse(text)];
  };
  const failing = [200, { status: "ok", ledger: "failing" }];
  const recovered = (gateway) => eventually(async () => JSON.stringify(await health(gateway)) === '[200,{"status":"ok"}]', "recovery");

  test("a journal that cannot be written: serve goes on and writes later", async (t) => {
    const dir = stateDirectory(t);
    writeFileSync(join(dir, "journal"), "in the way");
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: dir });
    await gateway.logged((line) => line.event === "the ledger is in trouble" && line.problem === "journal", "the trouble");
    assert.deepEqual(await health(gateway), failing);
    assert.equal((await gateway.chat(hello)).status, 200);
    assert.ok((await gateway.metric("tollgate_ledger_errors_total", { kind: "journal" })) > 0);
    rmSync(join(dir, "journal"));
    await recovered(gateway);
    await imported(gateway);
    await eventually(() => ask(dir, "SELECT count(*) AS n FROM requests")[0].n === 1, "the row that was kept");
    assert.equal(await gateway.metric("tollgate_ledger_lost_rows_total"), 0);
  });

  test("on_error: refuse answers 503 while nothing can be written", async (t) => {
    const dir = stateDirectory(t);
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: dir, ledger: { on_error: "refuse" } });
    assert.equal((await gateway.chat(hello)).status, 200);
    renameSync(join(dir, "journal"), join(dir, "elsewhere"));
    writeFileSync(join(dir, "journal"), "in the way");
    // What is mapped is still written; then no new segment can be made.
    await eventually(async () => {
      await Promise.all(Array.from({ length: 50 }, () => gateway.chat({ ...hello, user: "x".repeat(250), model: `demo/${"m".repeat(200)}` })));
      return (await gateway.chat(hello)).status === 503;
    }, "refusals", 60_000);
    const refused = await gateway.chat(hello);
    assert.match(refused.text, /ledger\.on_error/);
    assert.ok(refused.headers["retry-after"]);
    assert.equal((await health(gateway))[0], 503);
    rmSync(join(dir, "journal"));
    await recovered(gateway);
    assert.equal((await gateway.chat(hello)).status, 200);
  });

  test("a damaged file is kept aside and a new one is begun", async (t) => {
    const dir = stateDirectory(t);
    writeFileSync(join(dir, "ledger.sqlite"), "no database at all ".repeat(1000));
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: dir });
    const line = await gateway.logged((l) => l.event === "the ledger was damaged; a new one is begun", "the damage");
    assert.equal(readFileSync(line.kept_as, "utf8").slice(0, 11), "no database");
    await gateway.chat(hello);
    await recovered(gateway);
    await imported(gateway);
    assert.equal(ask(dir, "SELECT count(*) AS n FROM requests")[0].n, 1);
  });

  test("a file that another process holds: the journal waits, and nothing is lost", async (t) => {
    const dir = stateDirectory(t);
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: dir });
    await gateway.chat(hello);
    await imported(gateway);
    const other = spawn("sqlite3", [join(dir, "ledger.sqlite")], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => other.kill());
    other.stdin.write("BEGIN EXCLUSIVE;\n.print held\n");
    await new Promise((resolve) => other.stdout.once("data", resolve));
    await gateway.chat(hello);
    await gateway.logged((line) => line.event === "the ledger is in trouble" && line.problem === "locked", "the lock");
    assert.deepEqual(await health(gateway), failing);
    assert.equal(await gateway.metric("tollgate_ledger_backlog_rows"), 1);
    other.stdin.end("COMMIT;\n");
    await recovered(gateway);
    await imported(gateway);
    assert.equal(ask(dir, "SELECT count(*) AS n FROM requests")[0].n, 2);
  });

  test("a full disk: answers go on, the log says so, and what was kept is written when there is room", async (t) => {
    let mounted = null;
    t.after(() => mounted && execFileSync("umount", ["-l", mounted])); // hooks run in this order: before the directory goes
    const small = join(stateDirectory(t), "small");
    mkdirSync(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", small], { stdio: "ignore" });
    } catch {
      t.skip("mounting a small tmpfs needs root; the unit tests fill a disk by RLIMIT_FSIZE");
      return;
    }
    mounted = small;
    const gateway = await Gateway.start(t, { providers: { demo: {} }, state_dir: small, logging: { access: false } });
    const told = new Map();
    const ballast = join(small, "ballast");
    assert.equal((await gateway.chat(hello)).status, 200);
    await imported(gateway);
    writeFileSync(ballast, "");
    try {
      for (;;) writeFileSync(ballast, Buffer.alloc(4096), { flag: "a" });
    } catch (error) {
      assert.equal(error.code, "ENOSPC");
    }
    const until = { done: false };
    const running = Array.from({ length: 4 }, () => keepChatting(gateway, told, until));
    await gateway.logged((line) => line.event === "the ledger is in trouble", "the trouble");
    const seen = told.size;
    await eventually(() => told.size > seen + 20, "answers in spite of it");
    assert.deepEqual(await health(gateway), failing);
    until.done = true;
    await Promise.all(running);
    rmSync(ballast);
    await recovered(gateway);
    await imported(gateway);
    assert.equal(await gateway.metric("tollgate_ledger_lost_rows_total"), 0);
    await gateway.stop();
    compare(told, small);
  });
});
