// The ledger of a gateway, read with Debian's sqlite3, and load whose clients remember what they were told.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway } from "./gateway.mjs";
import { eventually } from "./bounded.mjs";
import { Connection, eventData, requestBytes } from "./http.mjs";

/// A state directory that outlives the gateways of a test.
export function stateDirectory(t) {
  const dir = mkdtempSync(join(tmpdir(), "tollgate-state-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/// Rows of a query as objects.  Numbers beyond 2^53 must be asked for as text.
export function ask(dir, sql, file = "ledger.sqlite") {
  const out = execFileSync("sqlite3", ["-readonly", "-json", "-cmd", ".timeout 5000", join(dir, file), sql], { encoding: "utf8", maxBuffer: 1 << 28 });
  return out.trim() === "" ? [] : JSON.parse(out);
}

/// Segments of the journal.
export const segments = (dir) => readdirSync(join(dir, "journal")).filter((name) => name.endsWith(".journal"));

/// Everything that was journaled is in the SQLite file.
export async function imported(gateway) {
  await eventually(async () => {
    const bytes = await gateway.metric("tollgate_ledger_backlog_bytes");
    const rows = await gateway.metric("tollgate_ledger_backlog_rows");
    return bytes === 0 && rows === 0;
  }, "the journal to be imported");
}

/// "0.000123" as pico-dollars.
export function pico(usd) {
  const [whole, part = ""] = String(usd).split(".");
  assert.ok(/^\d+$/.test(whole) && /^\d{0,12}$/.test(part), `a cost of ${usd}`);
  return BigInt(whole) * 10n ** 12n + BigInt(part.padEnd(12, "0"));
}

/// Sends chats, whole and streamed in turn, until the connection breaks or `until.done`.  What a client was told about an
/// answer whose end it saw goes into `told`: id -> {prompt, completion, cost}.
export async function keepChatting(gateway, told, until) {
  let connection;
  try {
    connection = await Connection.open(gateway.port);
    for (let turn = 0; !until.done; ++turn) {
      const stream = turn % 2 === 1;
      const body = { model: "demo/demo-1", messages: [{ role: "user", content: `hello ${turn}` }], max_tokens: 5 + (turn % 7), stream };
      if (stream) body.stream_options = { include_usage: true };
      await connection.write(requestBytes({ method: "POST", path: "/v1/chat/completions", body }));
      const response = await connection.response();
      if (response === null || !response.clean) return;
      assert.equal(response.status, 200, response.text);
      const events = stream ? eventData(response.text) : null;
      if (stream && events.at(-1) !== "[DONE]") return;
      const last = stream ? events.findLast((data) => data.includes('"usage":{')) : response.text;
      const usage = JSON.parse(last).usage;
      // As written: a double would lose digits.
      const cost = stream ? /"cost":([0-9.]+)[,}]/.exec(last)?.[1] : response.headers["x-tollgate-cost-usd"];
      told.set(response.headers["x-request-id"], { prompt: usage.prompt_tokens, completion: usage.completion_tokens, cost });
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    // killed in the middle
  } finally {
    connection?.socket.destroy();
  }
}

/// Kills a gateway under load, `rounds` times, then compares its ledger with what clients were told.
export async function killAndCompare(t, { rounds, clients, milliseconds }) {
  const dir = stateDirectory(t);
  const config = { providers: { demo: {} }, state_dir: dir, logging: { access: false } };
  const told = new Map();
  for (let round = 0; round < rounds; ++round) {
    const gateway = await Gateway.start(t, config);
    const until = { done: false };
    const before = told.size;
    const running = Array.from({ length: clients }, () => keepChatting(gateway, told, until));
    await eventually(() => told.size > before + clients, "some answers");
    await new Promise((resolve) => setTimeout(resolve, milliseconds * (0.5 + Math.random())));
    gateway.signal("SIGKILL");
    await gateway.exited();
    until.done = true;
    await Promise.all(running);
  }
  const last = await Gateway.start(t, config);
  await imported(last);
  await last.stop();
  assert.deepEqual(segments(dir), [], "the journal is empty");
  return { told, dir, ...compare(told, dir) };
}

/// Every answer whose end a client saw is in the ledger once, with the figures that the client was told.
export function compare(told, dir) {
  const rows = new Map();
  for (const row of ask(dir, `SELECT request_id AS id, cost_pico || '' AS cost, priced,
      input + cache_read + cache_write + cache_write_1h + audio_input + image_input AS prompt,
      output + reasoning + audio_output + image_output AS completion FROM requests`)) {
    assert.ok(!rows.has(row.id), `${row.id} is in the ledger twice`);
    rows.set(row.id, row);
  }
  let cost = 0n;
  for (const [id, was] of told) {
    const row = rows.get(id);
    assert.ok(row, `${id} is not in the ledger (${told.size} told, ${rows.size} there)`);
    assert.deepEqual([row.prompt, row.completion], [was.prompt, was.completion], id);
    assert.equal(BigInt(row.cost), pico(was.cost), id);
    cost += pico(was.cost);
  }
  const [sums] = ask(dir, `SELECT sum(requests) AS requests, (SELECT count(*) FROM requests) AS count,
    (SELECT sum(cost_pico) || '' FROM requests) AS pico, (sum(cost_usd) * 1000000000000 + sum(cost_pico)) || '' AS summed
    FROM sums WHERE grain = 0`);
  assert.equal(sums.requests, sums.count);
  assert.equal(sums.summed, sums.pico);
  return { cost, rows: rows.size };
}
