// The client goes away: the vendor's work is cancelled at once, and nothing is left over.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { eventually, median, within } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { Connection, requestBytes } from "./support/http.mjs";
import { delta, event, FakeUpstream, wellBehaved } from "./support/upstream.mjs";

// The promise is 50 ms; the bound leaves room for a busy machine, and the median is printed.
const kBound = process.env.TOLLGATE_SANITIZER ? 1000 : 250;

const silent = () => {};
const trickle = async (incoming) => {
  await incoming.stream();
  await incoming.chunk(event(delta("x")));
};
const midBody = async (incoming) => {
  await incoming.head(200, { "content-type": "application/json", "content-length": 1000 });
  await incoming.write('{"id":');
};
const gzipped = async (incoming) => {
  await incoming.stream({ "content-encoding": "gzip" });
  await incoming.chunk(Buffer.from("1f8b0800000000000003", "hex"));
};

let answer;
const upstream = await FakeUpstream.start({ after }, (incoming) => answer(incoming));
const gateway = await Gateway.start({ after }, { providers: { up: compat(upstream), demo: {} }, failover: { retries: 2 } });
const chat = (more) => ({ method: "POST", path: "/v1/chat/completions", body: { model: "up/m", messages: [{ role: "user", content: "hi" }], ...more } });

/// Milliseconds from the client's `leave` to the end of the upstream connection.
async function latency(body, leave, id) {
  const connection = await Connection.open(gateway.port);
  const number = upstream.requests.length;
  await connection.write(requestBytes({ ...chat(body), headers: { "x-request-id": id } }));
  const incoming = await upstream.request(number);
  if (answer === trickle) await connection.inbox.until("\n\n", "the first event");
  const left = performance.now();
  await leave(connection);
  const gone = await within(incoming.closed, "the upstream connection to close");
  connection.destroy();
  return gone - left;
}

const leaving = {
  "closes": (connection) => connection.destroy(),
  "resets": (connection) => connection.reset(),
  "half-closes": (connection) => connection.end(),
};
const stages = {
  "before the answer": [silent, {}],
  "before a stream": [silent, { stream: true }],
  "within a whole answer": [midBody, {}],
  "within a stream": [trickle, { stream: true }],
  "within a compressed stream that gave nothing yet": [gzipped, { stream: true }],
};

describe("a client that goes away", () => {
  for (const [stage, [act, body]] of Object.entries(stages)) {
    for (const [way, leave] of Object.entries(leaving)) {
      test(`${way} ${stage}: the vendor's connection closes at once`, async (t) => {
        answer = act;
        const times = [];
        for (let i = 0; i < 10; ++i) times.push(await latency(body, leave, `${stage} ${way} ${i}`.replaceAll(" ", "-")));
        t.diagnostic(`median ${median(times).toFixed(1)} ms, worst ${Math.max(...times).toFixed(1)} ms`);
        assert.ok(median(times) < kBound, `median ${median(times)} ms`);
        const line = await gateway.access(`${stage} ${way} 9`.replaceAll(" ", "-"));
        assert.equal(line.outcome, "client_gone");
        assert.equal(line.attempts, 1, "nothing is tried again for nobody");
        await gateway.settled();
      });
    }
  }

  test("while its body is being sent costs the vendor nothing", async () => {
    answer = wellBehaved;
    const before = upstream.requests.length;
    for (const leave of Object.values(leaving)) {
      const connection = await Connection.open(gateway.port);
      const bytes = requestBytes(chat({ pad: "x".repeat(100_000) }));
      await connection.write(bytes.subarray(0, bytes.length - 10));
      await leave(connection);
      await gateway.settled();
      connection.destroy();
    }
    assert.equal(upstream.requests.length, before);
  });

  test("between two attempts ends the waiting", async (t) => {
    const failing = await FakeUpstream.start(t, (incoming) => incoming.reply(503, {}));
    const patient = await Gateway.start(t, { providers: { up: compat(failing) }, failover: { retries: 5, backoff: { base: "30s", max: "60s" }, retry_budget: "100%" } });
    const connection = await Connection.open(patient.port);
    await connection.write(requestBytes({ ...chat(), headers: { "x-request-id": "impatient" } }));
    await patient.logged((line) => line.event === "upstream attempt failed", "the first attempt");
    connection.destroy();
    assert.equal((await patient.access("impatient")).outcome, "client_gone");
    await patient.settled();
  });

  test("while a new connection is being set up lets go of that, too", async (t) => {
    // A TLS server that never answers the greeting keeps the attempt in its connecting phase.
    const mute = await FakeUpstream.start(t, silent, { onConnect: () => true });
    const slow = await Gateway.start(t, { providers: { up: compat({ url: `https://127.0.0.1:${mute.port}` }) } });
    const connection = await Connection.open(slow.port);
    await connection.write(requestBytes({ ...chat(), headers: { "x-request-id": "gone" } }));
    await within((async () => { while (mute.open === 0) await new Promise(setImmediate); })(), "the connection");
    connection.destroy();
    assert.equal((await slow.access("gone")).outcome, "client_gone");
    await slow.settled();
  });

  test("in crowds leaves nothing behind", async () => {
    answer = trickle;
    const crowd = await Promise.all(Array.from({ length: 200 }, () => Connection.open(gateway.port)));
    const before = upstream.requests.length;
    for (const connection of crowd) await connection.write(requestBytes(chat({ stream: true })));
    await upstream.request(before + crowd.length - 1);
    const left = performance.now();
    for (const connection of crowd) connection.destroy();
    const gone = await Promise.all(upstream.requests.slice(before).map((incoming) => within(incoming.closed, "a cancel")));
    assert.ok(Math.max(...gone) - left < 4 * kBound);
    await gateway.settled();
    // The scrape has a connection of its own.
    await eventually(async () => (await gateway.metric("tollgate_client_connections")) === 1, "connections to end");
  });

  test("does not disturb others that share the vendor", async () => {
    answer = wellBehaved;
    const stay = await Connection.open(gateway.port);
    for (let i = 0; i < 20; ++i) {
      const leave = await Connection.open(gateway.port);
      await leave.write(requestBytes(chat()));
      leave.destroy();
      assert.equal((await stay.exchange(chat())).status, 200);
    }
    stay.destroy();
    await gateway.settled();
  });

  test("but one that stays gets its answer, pipelined requests included", async () => {
    answer = async (incoming) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await wellBehaved(incoming);
    };
    const connection = await Connection.open(gateway.port);
    await connection.write(Buffer.concat([requestBytes(chat()), requestBytes(chat({ stream: true }))]));
    assert.equal((await connection.response()).status, 200);
    assert.match((await connection.response()).text, /\[DONE\]/);
    connection.destroy();
  });
});
