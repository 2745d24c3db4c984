// Vendors that fail.  Before the first byte to the client another target can answer; after it nobody may pretend.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { deferred, megabytes } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { Connection, eventData, requestBytes } from "./support/http.mjs";
import { misbehaviours } from "./support/misbehaviour.mjs";
import { closedPort, completion, delta, event, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const hook = { after };
const timeouts = { connect: "5s", first_byte: "400ms", idle: "300ms", total: "20s" };
const calm = { retry_budget: "100%", backoff: { base: "1ms", max: "2ms" }, breaker: { errors: 0 }, cool_down: { longest: "0", quarantine: "0" } };
const slug = (name) => name.replaceAll(/[^a-z0-9]+/gi, "_");

const cases = Object.entries(misbehaviours).map(([name, row]) => ({ name, id: slug(name), ...row }));
const good = await FakeUpstream.start(hook, wellBehaved);
const providers = { good: compat(good) };
const models = {};
for (const row of cases) {
  row.upstream = row.refuses
    ? { url: `http://127.0.0.1:${await closedPort()}` }
    : await FakeUpstream.start(hook, row.answer, { onConnect: row.onConnect });
  providers[row.id] = compat(row.upstream, { timeouts });
  models[`chain-${row.id}`] = { chain: [`${row.id}/m`, "good/m"] };
}
const alone = await Gateway.start(hook, { providers, failover: { ...calm, retries: 0 } });
const chained = await Gateway.start(hook, { providers, models, failover: { ...calm, retries: 1 } });

const opening = event(delta("Hel"));
const breaks = {
  "is cut": (incoming) => incoming.end(),
  "is reset": (incoming) => incoming.reset(),
  "is cut within an event": async (incoming) => {
    await incoming.chunk(event(delta("lo")).slice(0, 30));
    incoming.end();
  },
  "ends without having finished": (incoming) => incoming.lastChunk(),
  "stalls": () => {},
  "is misframed": (incoming) => incoming.write("zz\r\n"),
  "has an error in it": async (incoming) => {
    await incoming.chunk(event({ error: { message: "The engine exploded", type: "server_error", code: 500 } }) + event("[DONE]"));
    await incoming.lastChunk();
  },
  "has garbage in it": async (incoming) => {
    await incoming.chunk("data: <html>oops</html>\n\n" + event("[DONE]"));
    await incoming.lastChunk();
  },
  "has an event without bound": async (incoming) => {
    await incoming.chunk(`data: {"x":"${"y".repeat(9 * 1024 * 1024)}`);
    await incoming.closed;
  },
};
const rows = Object.entries(breaks).map(([name, act]) => ({ name, act, id: slug(name), begun: deferred() }));
const broken = {};
for (const row of rows) {
  const upstream = await FakeUpstream.start(hook, async (incoming) => {
    await incoming.stream();
    await incoming.chunk(opening);
    await row.begun.promise; // the client has it, so the answer is committed
    await row.act(incoming);
  });
  broken[row.id] = compat(upstream, { timeouts });
}
const gateway = await Gateway.start(hook, {
  providers: { ...broken, good: compat(good) },
  models: Object.fromEntries(rows.map((row) => [`chain-${row.id}`, { chain: [`${row.id}/m`, "good/m"] }])),
  failover: { ...calm, retries: 1 },
});

describe("before the first byte", { concurrency: 8 }, () => {
  for (const row of cases) {
    for (const stream of [false, true]) {
      const kind = stream ? "stream" : "whole";
      if (row.only && row.only !== kind) continue;

      test(`a vendor that ${row.name} (${kind}) is a precise error`, async () => {
        const response = await alone.chat({ model: `${row.id}/m`, stream });
        assert.equal(response.status, row.status, response.text);
        assert.equal(response.headers["content-type"], "application/json");
        assert.equal(response.clean, true);
        const { error } = response.json();
        assert.deepEqual(Object.keys(error).filter((key) => key !== "request_id"), ["message", "type", "param", "code"]);
        assert.ok(error.message.includes(`${row.id}/m`), `names the target: ${error.message}`);
        assert.ok(error.message.length < 3000, "the message is bounded");
        assert.ok(!error.message.includes("sk-upstream"));
        if (row.says) assert.match(error.message, row.says);
        if (row.code) assert.equal(error.code, row.code, error.message);
        assert.equal(response.headers["x-tollgate-attempts"], "1");
        assert.equal(response.headers["x-tollgate-provider"], row.id);
        for (const [name, value] of Object.entries(row.headers ?? {})) assert.equal(response.headers[name], value, name);
      });

      test(`a vendor that ${row.name} (${kind}) ${row.final ? "is not" : "is"} replaced by the next of the chain`, async () => {
        const response = await chained.chat({ model: `chain-${row.id}`, stream });
        if (row.final) {
          assert.equal(response.status, row.status, response.text);
          assert.equal(response.headers["x-tollgate-attempts"], "1");
          return;
        }
        assert.equal(response.status, 200, response.text);
        assert.equal(response.text, stream ? streamText() : JSON.stringify(completion()));
        assert.equal(response.clean, true);
        assert.equal(response.headers["x-tollgate-attempts"], "2");
        assert.equal(response.headers["x-tollgate-provider"], "good");
        for (const name of Object.keys(row.headers ?? {})) assert.ok(!(name in response.headers), "nothing of the failed answer is left");
      });
    }
  }
});

describe("failing over", () => {
  test("tells of each attempt when all of them fail", async (t) => {
    const first = await FakeUpstream.start(t, (incoming) => incoming.reply(500, { error: { message: "first trouble" } }));
    const second = await FakeUpstream.start(t, (incoming) => incoming.reply(503, { error: { message: "second trouble" } }));
    const gateway = await Gateway.start(t, {
      providers: { first: compat(first), second: compat(second) },
      models: { both: { chain: ["first/m", "second/m"] } },
      failover: { ...calm, retries: 1 },
    });
    const response = await gateway.chat({ model: "both" });
    assert.equal(response.status, 503);
    const { message } = response.json().error;
    for (const part of ["2 attempts", "first/m", "first trouble", "second/m", "second trouble"]) assert.ok(message.includes(part), message);
    assert.equal(response.headers["x-tollgate-attempts"], "2");
  });

  test("sends each target the whole request, under its own model name and key", async (t) => {
    const first = await FakeUpstream.start(t, (incoming) => incoming.reply(500, {}));
    const second = await FakeUpstream.start(t, wellBehaved);
    const gateway = await Gateway.start(t, {
      providers: { first: compat(first, { api_key: "key-1" }), second: compat(second, { api_key: "key-2" }) },
      models: { both: { chain: ["first/alpha", "second/beta"] } },
      failover: { ...calm, retries: 1 },
    });
    const body = '{"messages":[{"role":"user","content":"h\\u0069"}],"model":"both","extra":{"a":1}}';
    assert.equal((await gateway.post("/v1/chat/completions", body)).status, 200);
    assert.equal(first.last.text, body.replace("both", "alpha"));
    assert.equal(second.last.text, body.replace("both", "beta"));
    assert.equal(first.last.headers.authorization, "Bearer key-1");
    assert.equal(second.last.headers.authorization, "Bearer key-2");
  });

  test("a single target is asked again after trouble that may pass, as often as retries says", async (t) => {
    let calls = 0;
    const upstream = await FakeUpstream.start(t, (incoming) => (++calls < 3 ? incoming.reply(503, {}) : wellBehaved(incoming)));
    const gateway = await Gateway.start(t, { providers: { up: compat(upstream) }, failover: { ...calm, retries: 2 } });
    const response = await gateway.chat({ model: "up/m" });
    assert.equal(response.status, 200, response.text);
    assert.equal(response.headers["x-tollgate-attempts"], "3");
    assert.equal(await gateway.counted("tollgate_attempts_total", { provider: "up", outcome: "upstream_unavailable" }), 2);
    assert.equal(await gateway.counted("tollgate_attempts_total", { provider: "up", outcome: "ok" }), 1);
  });

  test("a kept connection that the vendor has closed meanwhile is replaced, and that is no attempt", async (t) => {
    const upstream = await FakeUpstream.start(t, (incoming, self) => {
      if (self.requests.filter((other) => other.connection === incoming.connection).length > 1) incoming.socket.destroy();
      else return wellBehaved(incoming);
    });
    const gateway = await Gateway.start(t, { server: { threads: 1 }, providers: { up: compat(upstream) }, failover: { ...calm, retries: 0 } });
    for (let i = 0; i < 5; ++i) {
      const response = await gateway.chat({ model: "up/m" });
      assert.equal(response.status, 200, response.text);
      assert.equal(response.headers["x-tollgate-attempts"], "1");
    }
    assert.equal(upstream.connections, 5);
    assert.equal(upstream.requests.length, 9, "each but the first was tried on the kept connection first");
  });

  test("an early refusal is heard although the body was not read to its end", async (t) => {
    const upstream = await FakeUpstream.start(t, null, {
      onConnect(socket) {
        const answer = '{"error":{"message":"This payload is more than we take","type":"invalid_request_error"}}';
        socket.once("data", () => {
          socket.pause();
          socket.write(`HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}\r\nconnection: close\r\n\r\n${answer}`, () => socket.destroy());
        });
        return true;
      },
    });
    const gateway = await Gateway.start(t, { providers: { up: compat(upstream) }, failover: { ...calm, retries: 0 } });
    const response = await gateway.chat({ model: "up/m", messages: [{ role: "user", content: "x".repeat(20_000_000) }] });
    assert.equal(response.status, 413, response.text);
    assert.match(response.text, /more than we take/);
  });
});

describe("after the first byte", { concurrency: 4 }, () => {
  for (const row of rows) {
    test(`a stream that ${row.name} ends in an error event and a broken end`, async () => {
      const response = await gateway.chat({ model: `chain-${row.id}`, stream: true }, { "x-request-id": row.id }, { onBytes: row.begun.resolve });
      assert.equal(response.status, 200, response.text);
      assert.equal(response.headers["x-tollgate-attempts"], "1", "nothing is tried after the commit point");
      assert.equal(response.clean, false, "the chunked body is not terminated");
      assert.ok(!response.text.includes("[DONE]"), response.text.slice(-300));
      assert.ok(!response.text.includes('"finish_reason":"'));
      const events = eventData(response.text);
      assert.deepEqual(JSON.parse(events[0]), delta("Hel"));
      const { error } = JSON.parse(events.at(-1));
      assert.ok(error.message.includes(`${row.id}/m`), error.message);
      assert.equal(typeof error.type, "string");
      if (row.name === "stalls") assert.match(error.message, /idle/);
      const line = await gateway.access(row.id);
      assert.equal(line.outcome, "truncated");
      assert.equal(line.provider, row.id);
      assert.equal(await gateway.counted("tollgate_stream_truncated_total", { provider: row.id }), 1);
    });
  }

  test("a stream that lasts longer than timeouts.total is cut", async (t) => {
    const upstream = await FakeUpstream.start(t, async (incoming) => {
      await incoming.stream();
      const timer = setInterval(() => incoming.chunk(opening), 50);
      await incoming.closed;
      clearInterval(timer);
    });
    const slow = await Gateway.start(t, { providers: { up: compat(upstream, { timeouts: { ...timeouts, total: "600ms" } }) } });
    const response = await slow.chat({ model: "up/m", stream: true });
    assert.equal(response.clean, false);
    assert.match(JSON.parse(eventData(response.text).at(-1)).error.message, /timeouts\.total/);
  });

  test("a whole answer too large to hold back is cut visibly when the vendor cuts it", async (t) => {
    const text = JSON.stringify(completion("z".repeat(3_000_000)));
    const upstream = await FakeUpstream.start(t, async (incoming) => {
      await incoming.head(200, { "content-type": "application/json", ...(incoming.json.chunks ? { "transfer-encoding": "chunked" } : { "content-length": text.length }) });
      for (let at = 0; at < 2_000_000; at += 100_000) {
        const piece = text.slice(at, at + 100_000);
        await (incoming.json.chunks ? incoming.chunk(piece) : incoming.write(piece));
      }
      incoming.end();
    });
    const large = await Gateway.start(t, { providers: { up: compat(upstream) } });
    for (const chunks of [false, true]) {
      const response = await large.chat({ model: "up/m", chunks });
      assert.equal(response.status, 200);
      assert.equal(response.clean, false);
      assert.ok(text.startsWith(response.text), "nothing was put in between");
    }
    // The connection to the client is not used again after such an end.
    const connection = await Connection.open(large.port);
    await connection.write(requestBytes({ method: "POST", path: "/v1/chat/completions", body: { model: "up/m", messages: [{ role: "user", content: "x" }] } }));
    assert.equal((await connection.response()).clean, false);
    await connection.closed();
  });

  test("nothing is left over from all this", async () => {
    for (const one of [alone, chained, gateway]) {
      await one.settled();
      assert.ok(one.residentBytes() < megabytes(150), `${one.residentBytes()}`);
    }
  });
});

test("the seed of a demo vendor decides which of its calls fail", async (t) => {
  const fates = async (seed) => {
    const providers = { demo: { demo: { fault: "server_error", fault_rate: "40%", seed } } };
    const gateway = await Gateway.start(t, { providers, failover: { ...calm, retries: 0 } });
    const statuses = [];
    for (let call = 0; call < 24; ++call) {
      statuses.push((await gateway.chat({ model: "demo/demo-1", messages: [{ role: "user", content: "hi" }] })).status);
    }
    return statuses;
  };
  const [first, again, other] = await Promise.all([fates(7), fates(7), fates(8)]);
  assert.deepEqual(again, first);
  assert.notDeepEqual(other, first);
  assert.equal(new Set(first).size, 2, "some fail and some do not");
});
