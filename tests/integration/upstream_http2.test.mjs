// HTTP/2 towards vendors: many requests on one connection, and what happens when it ends.
import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { after, describe, test } from "node:test";
import { deferred, eventually, megabytes } from "./support/bounded.mjs";
import { Authority } from "./support/certificates.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { Connection } from "./support/http.mjs";
import { Http2Upstream, say, wellBehaved } from "./support/http2_upstream.mjs";
import { completion, FakeUpstream, event, streamText, wellBehaved as wellBehaved1 } from "./support/upstream.mjs";

const { constants } = http2;
const authority = new Authority({ after });
const good = authority.issue("good", "DNS:localhost,IP:127.0.0.1");
const secure = { key: good.key, cert: good.cert };
const trusted = { ca_file: authority.caFile };

const single = { server: { threads: 1 }, failover: { retries: 0, breaker: { errors: 0 } } };
const h2c = (upstream, pool = {}, more = {}) => compat(upstream, { ...more, pool: { http2: "on", ...pool } });
const start = (t, up, more = {}) => Gateway.start(t, { ...single, providers: { up }, ...more });
const chat = (gateway, body = {}, headers = {}) => gateway.chat({ model: "up/m", ...body }, headers);
const stream = (gateway) => chat(gateway, { stream: true });
const all = (count, ask) => Promise.all(Array.from({ length: count }, (_, i) => ask(i)));
const event_of = (gateway, name) => gateway.metric("tollgate_upstream_pool_events_total", { provider: "up", event: name });

function isGood(answer, wanted = JSON.stringify(completion())) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.text, wanted);
  assert.ok(answer.clean);
}

/// Asks for a stream and reads on: {text, head, ended} of what has come so far, and the connection.
async function openStream(gateway) {
  const connection = await Connection.open(gateway.port);
  const body = JSON.stringify({ model: "up/m", stream: true, messages: [{ role: "user", content: "hi" }] });
  await connection.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  const open = { connection, text: "" };
  open.response = connection.response({ onBytes: (bytes) => (open.text += bytes) });
  open.response.catch(() => {});
  open.has = (text) => eventually(() => open.text.includes(text), `'${text}' in a stream`);
  return open;
}

describe("HTTP/2 towards a vendor", () => {
  for (const [name, options, provider] of [
    ["over TLS, where ALPN chose it", { secure }, { tls: trusted }],
    ["without TLS, where the configuration says so", {}, { pool: { http2: "on" } }],
  ]) {
    test(`carries many requests on one connection: ${name}`, async (t) => {
      const upstream = await Http2Upstream.start(t, wellBehaved, options);
      const gateway = await start(t, compat(upstream, provider));
      for (const [i, answer] of (await all(50, (i) => chat(gateway, { stream: i % 2 === 0 }))).entries()) {
        isGood(answer, i % 2 === 0 ? streamText() : undefined);
      }
      assert.equal(upstream.sessions.length, 1);
      const { headers } = upstream.requests[0];
      assert.equal(headers[":method"], "POST");
      assert.equal(headers[":path"], "/v1/chat/completions");
      assert.equal(headers[":scheme"], upstream.scheme);
      assert.equal(headers[":authority"], `127.0.0.1:${upstream.port}`);
      assert.equal(headers.authorization, "Bearer sk-upstream");
      for (const field of ["host", "connection", "transfer-encoding"]) assert.ok(!(field in headers), field);
      await gateway.settled();
      assert.equal(await event_of(gateway, "opened"), 1);
      assert.equal(await event_of(gateway, "reused"), 49);
      assert.equal(await gateway.metric("tollgate_upstream_connections", { provider: "up", state: "idle" }), 1);
    });
  }

  test("keeps to the streams that the vendor allows, and opens further connections", async (t) => {
    const gate = deferred();
    const upstream = await Http2Upstream.start(t, (incoming) => gate.promise.then(() => wellBehaved(incoming)), { settings: { maxConcurrentStreams: 2 } });
    const gateway = await start(t, h2c(upstream));
    const answers = all(9, () => chat(gateway));
    await eventually(() => upstream.requests.length === 9, "nine requests");
    gate.resolve();
    for (const answer of await answers) isGood(answer);
    assert.equal(upstream.most, 2);
    assert.equal(upstream.sessions.length, 5);
  });

  test("waits for a stream to end at pool.max_connections", async (t) => {
    const gate = deferred();
    const upstream = await Http2Upstream.start(t, (incoming) => gate.promise.then(() => wellBehaved(incoming)), { settings: { maxConcurrentStreams: 2 } });
    const gateway = await start(t, h2c(upstream, { max_connections: 2 }));
    const held = all(4, () => chat(gateway));
    await eventually(() => upstream.requests.length === 4, "four requests");
    const waiting = all(30, () => chat(gateway));
    await eventually(async () => (await gateway.metric("tollgate_upstream_pool_waits_total", { provider: "up" })) >= 30, "the others to wait");
    gate.resolve();
    for (const answer of [...(await held), ...(await waiting)]) isGood(answer);
    assert.equal(upstream.most, 2);
    assert.equal(upstream.sessions.length, 2);
  });

  test("passes interim answers over, takes trailers, and undoes content codings", async (t) => {
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      await incoming.body();
      incoming.stream.additionalHeaders({ ":status": 103, link: "</x>" });
      incoming.stream.respond({ ":status": 200, "content-type": "application/json", "x-request-id": "theirs", "x-served-by": "v1" }, { waitForTrailers: true });
      incoming.stream.on("wantTrailers", () => incoming.stream.sendTrailers({ "x-checksum": "1" }));
      incoming.stream.end(JSON.stringify(completion()));
    });
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway);
    isGood(answer);
    assert.equal(answer.headers["x-served-by"], "v1");
    assert.ok(!("x-checksum" in answer.headers) && !("link" in answer.headers));
    assert.notEqual(answer.headers["x-request-id"], "theirs");
  });

  test("reads errors, with their Retry-After, as over HTTP/1.1", async (t) => {
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      await incoming.body();
      incoming.reply(429, { error: { message: "slow down", type: "requests" } }, { "retry-after": "7" });
    });
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway);
    assert.equal(answer.status, 429, answer.text);
    assert.equal(answer.headers["retry-after"], "7");
    assert.match(answer.json().error.message, /slow down/);
  });

  test("carries large bodies both ways, within the windows of either side", async (t) => {
    const upstream = await Http2Upstream.start(t, async (incoming) => incoming.reply(200, completion((await incoming.json()).messages[0].content)), { secure });
    const gateway = await start(t, compat(upstream, { tls: trusted }));
    const texts = [0, 1, 2].map((i) => String(i).repeat(3_000_000));
    const answers = await all(3, (i) => chat(gateway, { messages: [{ role: "user", content: texts[i] }] }));
    for (const [i, answer] of answers.entries()) assert.ok(answer.json().choices[0].message.content === texts[i]);
    assert.equal(upstream.sessions.length, 1);
  });

  test("takes an early refusal of a body that the vendor does not read on", async (t) => {
    const upstream = await Http2Upstream.start(t, (incoming) => incoming.reply(413, { error: { message: "too much for us" } }));
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway, { messages: [{ role: "user", content: "x".repeat(5_000_000) }] });
    assert.equal(answer.status, 413, answer.text);
    assert.match(answer.text, /too much for us/);
    await gateway.settled();
    assert.equal((await chat(gateway)).status, 413);
    assert.equal(upstream.sessions.length, 1);
  });
});

describe("the end of an HTTP/2 stream", () => {
  test("that a client leaves is a reset, and the connection is kept", async (t) => {
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      if (!(await incoming.json()).stream) return incoming.reply(200, completion());
      incoming.events();
      incoming.write(say("one"));
    });
    const gateway = await start(t, h2c(upstream));
    const left = await openStream(gateway);
    await left.has("one");
    left.connection.destroy();
    assert.equal(await upstream.requests[0].ended.promise, constants.NGHTTP2_CANCEL);
    isGood(await chat(gateway));
    assert.equal(upstream.sessions.length, 1);
    assert.equal(upstream.open, 1);
  });

  for (const [name, cut] of Object.entries({
    "reset with INTERNAL_ERROR": (incoming) => incoming.reset(),
    "reset with NO_ERROR": (incoming) => incoming.reset(constants.NGHTTP2_NO_ERROR),
    "cut with its connection": (incoming) => incoming.stream.session.destroy(),
  })) {
    test(`${name} in the middle is not a clean end`, async (t) => {
      const go = deferred();
      const upstream = await Http2Upstream.start(t, async (incoming) => {
        await incoming.body();
        incoming.events();
        incoming.write(say("one"));
        await go.promise;
        cut(incoming);
      });
      const gateway = await start(t, h2c(upstream));
      const broken = await openStream(gateway);
      await broken.has("one");
      go.resolve();
      const { clean, text } = await broken.response;
      assert.ok(!clean);
      assert.ok(!text.includes("[DONE]"));
      assert.match(text, /"error"/);
      assert.equal(await gateway.counted("tollgate_stream_truncated_total", { provider: "up" }), 1);
    });
  }

  test("before an answer is the vendor's failure, and not repeated", async (t) => {
    const upstream = await Http2Upstream.start(t, async (incoming) => (await incoming.body(), incoming.reset()));
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway);
    assert.equal(answer.status, 502, answer.text);
    assert.equal(answer.json().error.code, "upstream_unavailable");
    assert.match(answer.text, /reset the stream \(INTERNAL_ERROR\)/);
    assert.equal(upstream.requests.length, 1);
  });

  test("short of its content-length is a failure", async (t) => {
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      await incoming.body();
      incoming.stream.respond({ ":status": 200, "content-type": "application/json", "content-length": 1000 });
      incoming.end(JSON.stringify(completion()));
    });
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway);
    assert.equal(answer.status, 502, answer.text);
    assert.equal(answer.json().error.code, "upstream_protocol_error");
  });

  test("REFUSED_STREAM means that the request may be sent again, and it is", async (t) => {
    let refused = 0;
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      if (upstream.requests.length > 1 && refused++ < 3) return incoming.reset(constants.NGHTTP2_REFUSED_STREAM);
      await wellBehaved(incoming);
    });
    const gateway = await start(t, h2c(upstream));
    isGood(await chat(gateway));
    isGood(await chat(gateway));
    assert.equal(refused, 4);
  });

  test("REFUSED_STREAM from a vendor that serves nobody is passed on soon", async (t) => {
    const upstream = await Http2Upstream.start(t, (incoming) => incoming.reset(constants.NGHTTP2_REFUSED_STREAM));
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway);
    assert.equal(answer.status, 502, answer.text);
    assert.match(answer.text, /refused the stream/);
    assert.equal(upstream.requests.length, 2);
  });
});

describe("the end of an HTTP/2 connection", () => {
  test("GOAWAY: what was processed ends well, what was not is sent elsewhere", async (t) => {
    const go = deferred();
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      await incoming.body();
      if (upstream.requests.length === 1) return incoming.reply(200, completion());
      if (incoming.connection === 0) {
        // The second is kept; the others came after it, as far as this vendor is concerned.
        if (incoming.stream.id > 3) return;
        incoming.events();
        incoming.write(say("one"));
        await go.promise;
        return incoming.end(streamText());
      }
      incoming.events();
      incoming.end(streamText());
    });
    const gateway = await start(t, h2c(upstream));
    isGood(await chat(gateway));
    const kept = await openStream(gateway);
    await kept.has("one");
    const late = all(5, () => stream(gateway));
    await eventually(() => upstream.requests.length === 7, "all requests");
    upstream.sessions[0].goaway(constants.NGHTTP2_NO_ERROR, 3);
    for (const answer of await late) isGood(answer, streamText());
    assert.equal(upstream.sessions.length, 2);
    isGood(await stream(gateway), streamText());
    go.resolve();
    const first = await kept.response;
    assert.ok(first.clean);
    assert.equal(first.text, say("one") + streamText());
    assert.deepEqual(upstream.requests.map((one) => one.connection), [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  });

  test("while it is idle it is noticed, and the next request opens another", async (t) => {
    const upstream = await Http2Upstream.start(t, wellBehaved);
    const gateway = await start(t, h2c(upstream));
    for (let i = 0; i < 3; ++i) {
      isGood(await chat(gateway));
      await gateway.settled();
      if (i === 0) upstream.sessions[i].destroy();
      else upstream.sessions[i].close();
      await eventually(async () => (await gateway.metric("tollgate_upstream_connections", { provider: "up" })) === 0, "the end to be noticed");
    }
    assert.equal(upstream.sessions.length, 3);
  });

  test("by pool.idle, with a GOAWAY", async (t) => {
    const upstream = await Http2Upstream.start(t, wellBehaved);
    const gateway = await start(t, h2c(upstream, { idle: "50ms" }));
    isGood(await chat(gateway));
    const gone = deferred();
    upstream.sessions[0].on("goaway", (code) => gone.resolve(code));
    assert.equal(await gone.promise, constants.NGHTTP2_NO_ERROR);
    await eventually(async () => (await event_of(gateway, "expired")) === 1, "the expiry to be counted");
  });

  test("that is stuck is found by PING and replaced", async (t) => {
    // A relay that can be stopped, so that the vendor's kernel goes on accepting what nobody answers.
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      if ((await incoming.json()).stream) return; // thinks
      incoming.reply(200, completion());
    });
    let stuck = false;
    const relay = net.createServer((from) => {
      const frozen = relay.connections_++ === 0;
      const to = net.connect(upstream.port, "127.0.0.1");
      from.on("data", (data) => (frozen && stuck) || to.write(data)).on("error", () => {}).on("close", () => to.destroy());
      to.on("data", (data) => (frozen && stuck) || from.write(data)).on("error", () => {}).on("close", () => from.destroy());
    });
    relay.connections_ = 0;
    await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
    t.after(() => relay.close());
    const gateway = await start(t, h2c({ url: `http://127.0.0.1:${relay.address().port}` }, { ping: "150ms" }));
    isGood(await chat(gateway));
    const slow = stream(gateway);
    await upstream.request(1);
    // The vendor thinks: PINGs are answered and the request waits.
    await eventually(() => upstream.pings >= 2, "PINGs");
    assert.equal(upstream.sessions.length, 1);
    stuck = true;
    const answer = await slow;
    assert.equal(answer.status, 502, answer.text);
    assert.match(answer.text, /PING/);
    isGood(await chat(gateway));
    assert.equal(relay.connections_, 2);
  });

  test("is not waited for by a slow client beside others; the vendor stops and memory stays", async (t) => {
    let taken = 0;
    const upstream = await Http2Upstream.start(t, async (incoming) => {
      if (!(await incoming.json()).stream) return incoming.reply(200, completion());
      incoming.events();
      const chunk = say("x".repeat(16_000));
      const push = () => {
        while (!incoming.stream.destroyed && incoming.write(chunk)) taken += chunk.length;
        taken += chunk.length;
      };
      incoming.stream.on("drain", push);
      push();
    });
    const gateway = await start(t, h2c(upstream));
    isGood(await chat(gateway));
    const before = gateway.residentBytes();
    const slow = await all(8, async () => {
      const one = await openStream(gateway);
      await one.has("xxx");
      one.connection.socket.pause();
      return one;
    });
    // The vendor can write no more when what it has written stays the same over several rounds of others.
    let seen = -1;
    for (let same = 0; same < 5; ) {
      same = seen === taken ? same + 1 : 0;
      seen = taken;
      for (const answer of await all(5, () => chat(gateway))) isGood(answer);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(gateway.residentBytes() - before < megabytes(40), `grew by ${gateway.residentBytes() - before}`);
    assert.equal(upstream.sessions.length, 1);
    slow[0].connection.socket.resume();
    const mark = taken;
    await eventually(() => taken > mark + 1_000_000, "the vendor to go on");
    for (const one of slow) one.connection.destroy();
    await gateway.settled();
  });
});

describe("a vendor that does not speak HTTP/2", () => {
  test("is spoken to in HTTP/1.1, and is remembered for it", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved1, { secure: { ...secure, ALPNProtocols: ["http/1.1"] } });
    const gateway = await start(t, compat(upstream, { tls: trusted, pool: { http2: "on" } }));
    for (let i = 0; i < 3; ++i) isGood(await chat(gateway));
    assert.equal(upstream.connections, 1);
    for (const answer of await all(10, () => chat(gateway))) isGood(answer);
    for (const answer of await all(10, () => stream(gateway))) isGood(answer, streamText());
  });

  test("and many first requests at once do not wait for each other", async (t) => {
    const gate = deferred();
    const upstream = await FakeUpstream.start(t, (incoming) => gate.promise.then(() => wellBehaved1(incoming)), { secure });
    const gateway = await start(t, compat(upstream, { tls: trusted }));
    const answers = all(20, () => chat(gateway));
    await eventually(() => upstream.requests.length === 20, "all requests at once");
    gate.resolve();
    for (const answer of await answers) isGood(answer);
  });

  test("may say so by HTTP_1_1_REQUIRED", async (t) => {
    let simple = 0;
    const onHttp1 = (request, response) => {
      simple += 1;
      request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(completion())));
    };
    const upstream = await Http2Upstream.start(t, (incoming) => incoming.reset(constants.NGHTTP2_HTTP_1_1_REQUIRED), { secure, onHttp1 });
    const gateway = await start(t, compat(upstream, { tls: trusted }));
    for (let i = 0; i < 3; ++i) isGood(await chat(gateway));
    assert.equal(simple, 3);
    assert.equal(upstream.requests.length, 1);
  });

  test("is said so where HTTP/2 was insisted on", async (t) => {
    const upstream = await FakeUpstream.start(t, () => {}, { onConnect: (socket) => (socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), true) });
    const gateway = await start(t, h2c(upstream));
    const answer = await chat(gateway);
    assert.equal(answer.status, 502, answer.text);
    assert.match(answer.text, /answers in HTTP\/1\.1 \(pool\.http2 is on\)/);
  });

  test("off is off", async (t) => {
    const upstream = await FakeUpstream.start(t, wellBehaved1, { secure: { ...secure, ALPNCallback: undefined, ALPNProtocols: ["h2", "http/1.1"] } });
    const gateway = await start(t, compat(upstream, { tls: trusted, pool: { http2: "off" } }));
    isGood(await chat(gateway));
    assert.match(upstream.last.rawHead, /HTTP\/1\.1\r\n/);
  });

  test("a first connection that fails lets the next request try", async (t) => {
    let first = true;
    const upstream = await Http2Upstream.start(t, wellBehaved, { secure });
    const relay = net.createServer((from) => {
      if (first) {
        first = false;
        return from.destroy();
      }
      const to = net.connect(upstream.port, "127.0.0.1");
      from.pipe(to).on("error", () => {});
      to.pipe(from).on("error", () => {});
    });
    await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
    t.after(() => relay.close());
    const gateway = await start(t, compat({ url: `https://localhost:${relay.address().port}` }, { tls: trusted }));
    const answers = await all(10, () => chat(gateway));
    assert.equal(answers.filter((answer) => answer.status === 502).length, 1);
    for (const answer of answers.filter((one) => one.status !== 502)) isGood(answer);
    assert.equal(upstream.sessions.length, 1);
  });
});
