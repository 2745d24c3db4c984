// HTTP/2 towards clients, with Node's client and Debian's: answers, streams, flow control, cancelling, draining.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import http2 from "node:http2";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { deferred, eventually, kPatience, megabytes, within } from "./support/bounded.mjs";
import { FrameClient, frame, get, GOAWAY, headers, PING, settings } from "./support/frames.mjs";
import { compat, Gateway } from "./support/gateway.mjs";
import { delta, event, FakeUpstream, streamText, wellBehaved } from "./support/upstream.mjs";

const run = promisify(execFile);
let answer = wellBehaved;
const upstream = await FakeUpstream.start({ after }, (incoming) => answer(incoming));
const gateway = await Gateway.start({ after }, { providers: { up: compat(upstream), demo: {} } });
const kChat = "/v1/chat/completions";
const body = (more = {}) => JSON.stringify({ model: "up/m", messages: [{ role: "user", content: "hi" }], ...more });

function connect(t, port = gateway.port, options = {}) {
  const session = http2.connect(`http://127.0.0.1:${port}`, options);
  session.on("error", () => {});
  t.after(() => session.destroy());
  return session;
}
/// One request to its end: {status, headers, text, code}.
function ask(session, { path = kChat, method = "POST", content = body(), fields = {}, onStream } = {}) {
  const result = new Promise((resolve, reject) => {
    const stream = session.request({ ":method": method, ":path": path, ...(content === null ? {} : { "content-type": "application/json" }), ...fields }, { endStream: content === null });
    onStream?.(stream);
    const pieces = [];
    let head = {};
    stream.on("response", (received) => (head = received));
    stream.on("data", (data) => pieces.push(data));
    stream.on("error", () => {});
    stream.on("close", () => resolve({ status: head[":status"], headers: head, text: Buffer.concat(pieces).toString(), code: stream.rstCode }));
    session.on("error", reject);
    if (content !== null) stream.end(content);
  });
  return within(result, `${method} ${path}`);
}

describe("over HTTP/2", () => {
  test("a chat is answered, and so is everything else that HTTP/1.1 has", async (t) => {
    const session = connect(t);
    const chat = await ask(session);
    assert.equal(chat.status, 200, chat.text);
    assert.equal(JSON.parse(chat.text).choices[0].message.content, "Hello.");
    assert.equal(Number(chat.headers["content-length"]), Buffer.byteLength(chat.text));
    const head = await ask(session, { method: "HEAD", path: "/health", content: null });
    assert.deepEqual([head.status, head.text], [200, ""]);
    assert.equal((await ask(session, { path: "/nothing" })).status, 404);
    assert.equal((await ask(session, { content: "{" })).status, 400);
    assert.equal(await gateway.metric("tollgate_client_connections", { protocol: "http2" }), 1);
  });

  test("a stream's events come one by one, as DATA frames", async (t) => {
    const steps = Array.from({ length: 5 }, deferred);
    answer = async (incoming) => {
      await incoming.stream();
      for (const [i, step] of steps.entries()) {
        await incoming.chunk(event(delta(`word${i} `)));
        await step.promise; // the next is sent when the client has seen this one
      }
      await incoming.chunk(event(delta(null, "stop")) + event("[DONE]"));
      await incoming.lastChunk();
    };
    let seen = "";
    const { text, code } = await ask(connect(t), {
      content: body({ stream: true }),
      onStream: (stream) => stream.on("data", (data) => {
        seen += data;
        steps.forEach((step, i) => seen.includes(`word${i} `) && step.resolve());
      }),
    });
    answer = wellBehaved;
    assert.ok(text.endsWith("data: [DONE]\n\n"));
    assert.equal(code, 0);
  });

  test("a hundred streams share a connection", async (t) => {
    const session = connect(t);
    const all = await Promise.all(Array.from({ length: 100 }, () => ask(session, { content: body({ stream: true }) })));
    for (const { status, text } of all) assert.deepEqual([status, text], [200, streamText()]);
  });

  test("RST_STREAM cancels the vendor's work at once, and only that of its stream", async (t) => {
    answer = async (incoming) => {
      await incoming.stream();
      await incoming.chunk(event(delta("x")));
    };
    const number = upstream.requests.length;
    const session = connect(t);
    const [kept, left] = [deferred(), deferred()];
    for (const one of [kept, left]) {
      const stream = session.request({ ":method": "POST", ":path": kChat, "content-type": "application/json" });
      stream.on("error", () => {});
      stream.once("data", () => one.resolve(stream));
      stream.end(body({ stream: true }));
      await within(one.promise, "the first event");
    }
    const began = performance.now();
    (await left.promise).close(http2.constants.NGHTTP2_CANCEL);
    const gone = await within((await upstream.request(number + 1)).closed, "the vendor's connection to close");
    t.diagnostic(`${(gone - began).toFixed(1)} ms`);
    assert.equal((await kept.promise).closed, false);
    session.destroy();
    await within((await upstream.request(number)).closed, "the other to close with the connection");
    answer = wellBehaved;
    await gateway.settled();
  });

  test("a stream that breaks ends in an event and RST_STREAM, never cleanly", async (t) => {
    answer = async (incoming) => {
      await incoming.stream();
      await incoming.chunk(event(delta("x")));
      incoming.reset();
    };
    const { text, code } = await ask(connect(t), { content: body({ stream: true }) });
    answer = wellBehaved;
    assert.match(text, /"error"/);
    assert.ok(!text.includes("[DONE]"));
    assert.equal(code, http2.constants.NGHTTP2_INTERNAL_ERROR);
  });

  test("bodies of some megabytes pass both ways, whatever the client's window", async (t) => {
    const pad = "x".repeat(5_000_000);
    answer = (incoming) => incoming.reply(200, { choices: [{ index: 0, message: { role: "assistant", content: incoming.json.pad } }] });
    for (const initialWindowSize of [1000, 65535, 4_000_000]) {
      const chat = await ask(connect(t, gateway.port, { settings: { initialWindowSize } }), { content: body({ pad: initialWindowSize === 1000 ? "short" : pad }) });
      assert.equal(chat.status, 200);
      assert.equal(JSON.parse(chat.text).choices[0].message.content.length, initialWindowSize === 1000 ? 5 : pad.length);
    }
    answer = wellBehaved;
  });

  test("a body above the limit is refused while it is being sent", async (t) => {
    const small = await Gateway.start(t, { server: { limits: { body: "64KiB" } }, providers: { demo: {} } });
    const session = connect(t, small.port);
    const announced = await ask(session, { content: "x".repeat(1_000_000), fields: { "content-length": "1000000" } });
    assert.equal(announced.status, 413);
    assert.equal((await ask(session, { content: "x".repeat(1_000_000) })).status, 413);
    assert.equal((await ask(session, { path: "/health", method: "GET", content: null })).status, 200, "the connection is fine");
  });

  test("Expect: 100-continue is answered before the body", async (t) => {
    const stream = connect(t).request({ ":method": "POST", ":path": kChat, "content-type": "application/json", expect: "100-continue" });
    const status = deferred();
    stream.on("response", (head) => status.resolve(head[":status"])).on("continue", () => stream.end(body())).resume();
    assert.equal(await within(status.promise, "the answer"), 200);
  });

  test("a reader who stops keeps the vendor from sending, and holds little memory", async (t) => {
    const chunk = event(delta("y".repeat(60_000)));
    let sent = 0;
    answer = async (incoming) => {
      await incoming.stream();
      incoming.socket.on("error", () => {});
      for (let i = 0; i < 2000 && !incoming.socket.destroyed; ++i) {
        await Promise.race([incoming.chunk(chunk), incoming.closed]);
        sent += chunk.length;
      }
    };
    const stream = connect(t).request({ ":method": "POST", ":path": kChat, "content-type": "application/json" });
    stream.on("error", () => {});
    stream.end(body({ stream: true }));
    let before = -1;
    await eventually(async () => {
      const stalled = sent > 0 && sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return stalled;
    }, "the vendor to stall");
    assert.ok(sent < 40_000_000, `${sent} bytes were taken from the vendor`);
    assert.ok(gateway.residentBytes() < megabytes(150));
    stream.destroy();
    answer = wellBehaved;
    await gateway.settled();
  });

  test("a window that stays closed ends the stream after server.timeouts.write", async (t) => {
    const strict = await Gateway.start(t, { server: { timeouts: { write: "300ms" } }, providers: { demo: {} } });
    const client = await FrameClient.open(strict.port, { own: settings([4, 0]) });
    client.send(headers(1));
    assert.equal(await client.verdict(), "RST_STREAM CANCEL");
    assert.equal(await strict.metric("tollgate_attacks_total", { kind: "slow_reader" }), 1);
    client.close();
  });

  test("a body that does not come is answered with 408", async (t) => {
    const strict = await Gateway.start(t, { server: { timeouts: { body: "200ms" } }, providers: { demo: {} } });
    const stream = connect(t, strict.port).request({ ":method": "POST", ":path": kChat, "content-type": "application/json" });
    const status = deferred();
    stream.on("response", (head) => status.resolve(head[":status"])).on("error", () => {}).resume();
    stream.write("{");
    assert.equal(await within(status.promise, "the answer"), 408);
    assert.equal(await strict.metric("tollgate_attacks_total", { kind: "slow_body" }), 1);
  });
});

describe("a connection", () => {
  test("without streams ends after server.timeouts.idle, with GOAWAY", async (t) => {
    const strict = await Gateway.start(t, { server: { timeouts: { idle: "300ms" } }, providers: { demo: {} } });
    const client = await FrameClient.open(strict.port);
    assert.equal((await client.next((f) => f.type === GOAWAY))?.error, "NO_ERROR");
    assert.equal(await client.next(), null);
    client.close();
  });

  test("at its age is asked to end; its streams finish", async (t) => {
    const strict = await Gateway.start(t, { server: { http2: { max_age: "300ms" } }, providers: { demo: { demo: { chunk_delay: "50ms", chunks: 20 } } } });
    const session = connect(t, strict.port);
    const goaway = deferred();
    session.on("goaway", goaway.resolve);
    const [stream] = await Promise.all([ask(session, { content: body({ model: "demo/demo-1", stream: true }) }), within(goaway.promise, "GOAWAY")]);
    assert.ok(stream.text.endsWith("data: [DONE]\n\n"));
  });

  test("whose client is silent is asked by PING, and cut when no answer comes", async (t) => {
    const strict = await Gateway.start(t, { server: { http2: { ping_interval: "200ms", ping_timeout: "300ms" } }, providers: { up: compat(upstream) } });
    answer = () => {};
    const client = await FrameClient.open(strict.port);
    const number = upstream.requests.length;
    client.send(headers(1, [...get(kChat).map(([name, value]) => [name, name === ":method" ? "POST" : value]), ["content-type", "application/json"]], 4),
      frame(0, 1, 1, body()));
    const incoming = await upstream.request(number);
    const ping = await client.next((f) => f.type === PING);
    client.send(frame(PING, 1, 0, ping.payload));
    await client.next((f) => f.type === PING); // and this one is not answered
    assert.equal(await client.next(), null);
    await within(incoming.closed, "the vendor's work to be cancelled");
    assert.equal(await strict.metric("tollgate_attacks_total", { kind: "dead_peer" }), 1);
    answer = wellBehaved;
    client.close();
  });

  test("SIGTERM: GOAWAY, running streams finish, exit code 0", async (t) => {
    const release = deferred();
    answer = async (incoming) => {
      await incoming.stream();
      await incoming.chunk(event(delta("Hel")));
      await release.promise;
      await incoming.chunk(event(delta("lo.")) + event(delta(null, "stop")) + event("[DONE]"));
      await incoming.lastChunk();
    };
    const draining = await Gateway.start(t, { server: { timeouts: { drain: "20s" } }, providers: { up: compat(upstream) } });
    const session = connect(t, draining.port);
    const [begun, goaway] = [deferred(), deferred()];
    session.on("goaway", goaway.resolve);
    const streams = Array.from({ length: 10 }, () => ask(session, { content: body({ stream: true }), onStream: (s) => s.once("data", begun.resolve) }));
    const idle = await FrameClient.open(draining.port);
    await within(begun.promise, "a stream to begin");
    draining.signal("SIGTERM");
    await within(goaway.promise, "GOAWAY");
    assert.equal((await idle.next((f) => f.type === GOAWAY))?.error, "NO_ERROR");
    release.resolve();
    for (const { text, code } of await Promise.all(streams)) {
      assert.ok(text.endsWith("data: [DONE]\n\n"));
      assert.equal(code, 0);
    }
    answer = wellBehaved;
    assert.deepEqual(await draining.exited(), { code: 0, signal: null });
  });

  test("SIGTERM: what runs longer than the grace time ends broken, or with 503", async (t) => {
    const draining = await Gateway.start(t, { server: { timeouts: { drain: "800ms" } }, providers: { demo: { demo: { chunk_delay: "100ms", chunks: 1000 } }, up: compat(upstream) } });
    answer = () => {};
    const session = connect(t, draining.port);
    const begun = deferred();
    const streaming = ask(session, { content: body({ model: "demo/demo-1", stream: true }), onStream: (s) => s.once("data", begun.resolve) });
    const number = upstream.requests.length;
    const waiting = ask(session);
    await within(begun.promise, "a stream to begin");
    await upstream.request(number);
    draining.signal("SIGTERM");
    const { text, code } = await streaming;
    assert.ok(!text.includes("[DONE]") && text.includes("shutting down"), text.slice(-500));
    assert.notEqual(code, 0);
    assert.equal((await waiting).status, 503);
    answer = wellBehaved;
    assert.deepEqual(await draining.exited(), { code: 0, signal: null });
  });

  test("server.http2.enabled: false leaves HTTP/1.1 alone", async (t) => {
    const plain = await Gateway.start(t, { server: { http2: { enabled: false } }, providers: { demo: {} } });
    const client = await FrameClient.open(plain.port, { raw: true });
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert.match((await client.inbox.rest()).toString(), /^HTTP\/1\.1 505 /);
    const upgrade = await plain.get("/health", { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "" });
    assert.equal(upgrade.status, 200);
    client.close();
  });
});

describe("Debian's clients", () => {
  const url = (path) => `http://127.0.0.1:${gateway.port}${path}`;
  const curl = async (...args) => (await run("curl", ["-sS", "-m", "10", ...args], { timeout: kPatience })).stdout;

  for (const how of ["--http2-prior-knowledge", "--http2", "--http1.1"]) {
    test(`curl ${how}: a plain request and a chat`, async () => {
      const version = how === "--http1.1" ? "1.1" : "2";
      assert.equal(await curl(how, "-w", " %{http_version}", url("/health")), `{"status":"ok"} ${version}`);
      const chat = await curl(how, "-H", "content-type: application/json", "-d", body(), url(kChat));
      assert.equal(JSON.parse(chat).choices[0].message.content, "Hello.");
    });
  }
  test("an Upgrade that is not right is not followed, and the request is served", async () => {
    for (const fields of [{ upgrade: "h2c", connection: "Upgrade" }, { upgrade: "h2c", connection: "Upgrade, HTTP2-Settings", "http2-settings": "%%" },
      { upgrade: "websocket", connection: "Upgrade" }, { upgrade: "h2c", "http2-settings": "AAMAAABk" }]) {
      assert.equal((await gateway.get("/health", fields)).status, 200);
    }
  });
  test("nghttp: by prior knowledge and by Upgrade", async () => {
    for (const args of [[], ["-u"]]) {
      const { stdout } = await run("nghttp", [...args, url("/health")], { timeout: kPatience });
      assert.equal(stdout, '{"status":"ok"}');
    }
  });
  test("h2load: every request of many on few connections succeeds", async () => {
    const { stdout } = await run("h2load", ["-n", "2000", "-c", "4", "-m", "32", url("/health")], { timeout: kPatience });
    assert.match(stdout, /2000 succeeded, 0 failed, 0 errored, 0 timeout/);
  });
});
