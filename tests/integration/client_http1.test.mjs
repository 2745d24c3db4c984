// Hostile and careless HTTP/1.1 clients on raw sockets.  Each gets a precise answer or a closed connection, and nobody else
// notices.
import assert from "node:assert/strict";
import { after, afterEach, describe, test } from "node:test";
import { eventually, megabytes, within } from "./support/bounded.mjs";
import { Gateway } from "./support/gateway.mjs";
import { Connection, requestBytes } from "./support/http.mjs";

const gateway = await Gateway.start({ after }, {
  server: {
    limits: { body: "1MiB", header: "16KiB", json_depth: 64 },
    timeouts: { header: "600ms", body: "500ms", idle: "1s" },
    cors: { origins: ["https://app.example"], max_age: "1h" },
  },
  providers: { default: "demo", demo: {} },
});
const kMemory = megabytes(80);

const message = { model: "demo-1", messages: [{ role: "user", content: "hi" }] };
const chat = (more = {}, headers = {}) => ({ method: "POST", path: "/v1/chat/completions", body: { ...message, ...more }, headers });
const content = (response) => response.json().choices[0].message.content;
const raw = (text) => Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");
const post = (fields, body = "") => raw(`POST /v1/chat/completions HTTP/1.1\nHost: x\nContent-Type: application/json\n${fields}\n${body}`);

/// Sends bytes on a new connection: {response (null: closed without one), connection}.
async function send(bytes) {
  const connection = await Connection.open(gateway.port);
  await connection.write(bytes);
  const response = await within(connection.response(), "an answer");
  return { response, connection };
}
/// The bytes are refused with this status, in the envelope, and the connection ends.
async function refused(bytes, status, what) {
  const { response, connection } = await send(bytes);
  assert.ok(response, `an answer to ${what}`);
  assert.equal(response.status, status, `${what}: ${response.text}`);
  const { error } = response.json();
  assert.ok(error.message.length > 10 && error.message.length < 1000, error.message);
  assert.equal(error.type, "invalid_request_error");
  assert.ok(response.headers["x-request-id"]);
  return { error, response, connection };
}
async function refusedAndClosed(bytes, status, what) {
  const { error, response, connection } = await refused(bytes, status, what);
  assert.equal(response.headers.connection, "close", what);
  await connection.closed();
  assert.equal(connection.inbox.bytes.length, 0, `nothing but one answer to ${what}`);
  return error;
}

// After each abuse a well-behaved client is served, and memory is where it was.
afterEach(async () => {
  const response = await gateway.chat({ model: "demo-1" });
  assert.equal(response.status, 200, response.text);
  assert.ok(gateway.residentBytes() < kMemory, `resident: ${gateway.residentBytes()}`);
});

describe("connections", () => {
  test("are kept, and close when either side says so", async () => {
    const connection = await Connection.open(gateway.port);
    for (let i = 0; i < 5; ++i) {
      const response = await connection.exchange(chat());
      assert.equal(content(response), 'You said: "hi".');
      assert.ok(!("connection" in response.headers));
    }
    const last = await connection.exchange(chat({}, { connection: "close" }));
    assert.equal(last.headers.connection, "close");
    await connection.closed();
  });

  test("answer ten requests of one write in order", async () => {
    const connection = await Connection.open(gateway.port);
    const asked = Array.from({ length: 10 }, (_, i) => (i % 3 === 1 ? { path: "/health/live" } : chat({ messages: [{ role: "user", content: `n${i}` }], stream: i % 3 === 2 })));
    await connection.write(Buffer.concat(asked.map(requestBytes)));
    for (let i = 0; i < 10; ++i) {
      const response = await connection.response();
      assert.equal(response.status, 200);
      if (i % 3 === 1) assert.equal(response.text, '{"status":"ok"}');
      else assert.ok(response.text.includes(`n${i}`), `answer ${i}: ${response.text}`);
    }
    connection.destroy();
  });

  test("answer a pipeline larger than what is read ahead", async () => {
    const connection = await Connection.open(gateway.port);
    const writing = connection.write(Buffer.concat(Array.from({ length: 200 }, (_, i) => requestBytes(chat({ pad: "x".repeat(2000), messages: [{ role: "user", content: `n${i}` }] })))));
    for (let i = 0; i < 200; ++i) assert.equal(content(await connection.response()), `You said: "n${i}".`);
    await writing;
    connection.destroy();
  });

  test("of HTTP/1.0 close after the answer, unless asked to stay", async () => {
    const { response, connection } = await send(raw("GET /health HTTP/1.0\n\n"));
    assert.equal(response.status, 200);
    await connection.closed();
    const kept = await Connection.open(gateway.port);
    for (let i = 0; i < 2; ++i) {
      await kept.write(raw("GET /health HTTP/1.0\nConnection: keep-alive\n\n"));
      const answer = await kept.response();
      assert.equal(answer.headers.connection, "keep-alive");
    }
    kept.destroy();
  });

  test("that idle are closed without a word", async () => {
    const silent = await Connection.open(gateway.port);
    const used = await Connection.open(gateway.port);
    await used.exchange({ path: "/health" });
    await silent.closed();
    await used.closed();
    assert.equal(silent.inbox.bytes.length + used.inbox.bytes.length, 0);
  });

  test("may begin with an empty line", async () => {
    const { response, connection } = await send(raw("\nGET /health HTTP/1.1\nHost: x\n\n"));
    assert.equal(response.status, 200);
    connection.destroy();
  });

  test("take a head byte by byte, and cut at each offset", async () => {
    const bytes = requestBytes(chat());
    const slow = await Connection.open(gateway.port);
    for (const byte of bytes) {
      await slow.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    assert.equal((await slow.response()).status, 200);
    for (let at = 1; at < bytes.length; at += 3) {
      await slow.write(bytes.subarray(0, at));
      await new Promise(setImmediate);
      await slow.write(bytes.subarray(at));
      assert.equal((await slow.response()).status, 200, `offset ${at}`);
    }
    slow.destroy();
  });
});

describe("bodies", () => {
  test("of Expect: 100-continue are asked for only while they have not come", async () => {
    const bytes = requestBytes(chat({}, { expect: "100-continue" }));
    const end = bytes.indexOf("\r\n\r\n") + 4;
    const waiting = await Connection.open(gateway.port);
    await waiting.write(bytes.subarray(0, end));
    assert.match(String(await waiting.inbox.until("\r\n\r\n")), /^HTTP\/1\.1 100 Continue\r\n/);
    await waiting.write(bytes.subarray(end));
    assert.equal((await waiting.response()).status, 200);
    const { response: eager, connection } = await send(bytes);
    assert.deepEqual(eager.interims, []);
    assert.equal(eager.status, 200);
    connection.destroy();
    waiting.destroy();
  });

  test("that will be refused are not asked for", async () => {
    const { response } = await refused(post("Content-Length: 2000000\nExpect: 100-continue\n"), 413, "a body that is too large");
    assert.deepEqual(response.interims, []);
    const { response: lost } = await refused(raw("POST /nowhere HTTP/1.1\nHost: x\nContent-Length: 20\nExpect: 100-continue\n\n"), 404, "no such path");
    assert.deepEqual(lost.interims, []);
  });

  test("in chunks of odd sizes, with extensions and trailers", async () => {
    const text = JSON.stringify(message);
    const head = raw("POST /v1/chat/completions HTTP/1.1\nHost: x\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n").toString();
    const connection = await Connection.open(gateway.port);
    for (const size of [1, 2, 7, text.length]) {
      let body = "";
      for (let at = 0; at < text.length; at += size) {
        const piece = text.slice(at, at + size);
        body += `${piece.length.toString(16).toUpperCase()};ext="v;1"\r\n${piece}\r\n`;
      }
      const bytes = Buffer.from(`${head}${body}0;last\r\nX-Trailer: v\r\n\r\n`);
      for (let at = 0; at < bytes.length; at += 11) {
        await connection.write(bytes.subarray(at, at + 11));
        if (at % 4 === 0) await new Promise(setImmediate);
      }
      assert.equal((await connection.response()).status, 200, `chunks of ${size}`);
    }
    connection.destroy();
  });

  test("of 100 MB are refused without being read", async () => {
    const error = await refusedAndClosed(post("Content-Length: 104857600\n", "x".repeat(70_000)), 413, "100 MB");
    assert.equal(error.code, "request_too_large");
    assert.match(error.message, /server\.limits\.body/);
    const connection = await Connection.open(gateway.port);
    connection.write(post("Transfer-Encoding: chunked\n"));
    const chunk = Buffer.from(`10000\r\n${"x".repeat(0x10000)}\r\n`);
    let sent = 0;
    let answered = false;
    const response = connection.response().finally(() => (answered = true));
    while (!answered && sent < 100e6) {
      await Promise.race([connection.write(chunk), response]);
      sent += chunk.length;
    }
    assert.equal((await response).status, 413);
    assert.ok(sent < 100e6, `the answer came only after all ${sent} bytes`);
    connection.destroy();
  });

  test("that do not come are given up", async () => {
    const { error } = await refused(post("Content-Length: 100\n", '{"model":'), 408, "half a body");
    assert.equal(error.code, "request_timeout");
  });

  const malformed = {
    "a size that is no number": "xyz\n{}\n0\n\n", "a sign": "+2\n{}\n0\n\n", "0x": "0x2\n{}\n0\n\n", "no size": "\n{}\n0\n\n",
    "data longer than its size": "2\n{}}\n0\n\n", "an overflow": "ffffffffffffffffff\n{}", "a space before the size": " 2\n{}\n0\n\n", "a tab": "2\t\n{}\n0\n\n",
  };
  for (const [name, body] of Object.entries(malformed)) {
    test(`in chunks with ${name} are refused`, () => refusedAndClosed(post("Transfer-Encoding: chunked\n", body), 400, name));
  }
  test("in chunks with bare line feeds are refused", () =>
    refusedAndClosed(Buffer.concat([post("Transfer-Encoding: chunked\n"), Buffer.from("2\n{}\n0\n\n")]), 400, "bare LF"));
});

describe("smuggling", () => {
  const cases = {
    "Content-Length and Transfer-Encoding": [post("Content-Length: 5\nTransfer-Encoding: chunked\n", "0\n\nGET /admin HTTP/1.1\n\n"), 400],
    "Transfer-Encoding and Content-Length": [post("Transfer-Encoding: chunked\nContent-Length: 5\n", "0\n\n"), 400],
    "two lengths": [post("Content-Length: 2\nContent-Length: 3\n", "{}"), 400],
    "the same length twice": [post("Content-Length: 2\nContent-Length: 2\n", "{}"), 400],
    "a list of lengths": [post("Content-Length: 2, 2\n", "{}"), 400],
    "a signed length": [post("Content-Length: +2\n", "{}"), 400],
    "a length in hex": [post("Content-Length: 0x2\n", "{}"), 400],
    "a length with white space inside": [post("Content-Length: 1 2\n", "{}"), 400],
    "gzip, chunked": [post("Transfer-Encoding: gzip, chunked\n", "0\n\n"), [400, 501]],
    "chunked, identity": [post("Transfer-Encoding: chunked, identity\n", "0\n\n"), [400, 501]],
    "xchunked": [post("Transfer-Encoding: xchunked\n", "0\n\n"), [400, 501]],
    "chunked twice": [post("Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", "0\n\n"), [400, 501]],
    "chunked on HTTP/1.0": [raw("POST /v1/chat/completions HTTP/1.0\nTransfer-Encoding: chunked\n\n0\n\n"), 400],
    "a space before the colon": [post("Content-Length : 2\n", "{}"), 400],
    "a folded line": [post("X-A: b\n Content-Length: 2\n", "{}"), 400],
    "a bare carriage return in a value": [Buffer.from("GET /health HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 2\r\n\r\n"), 400],
    "bare line feeds": [Buffer.from("GET /health HTTP/1.1\nHost: x\n\n"), 400],
    "a NUL in a value": [raw("GET /health HTTP/1.1\nHost: x\nX: a\0b\n\n"), 400],
    "a name that is no token": [raw("GET /health HTTP/1.1\nHost: x\nX(y): a\n\n"), 400],
    "a field without colon": [raw("GET /health HTTP/1.1\nHost: x\nnonsense\n\n"), 400],
    "no Host": [raw("GET /health HTTP/1.1\n\n"), 400],
    "two Hosts": [raw("GET /health HTTP/1.1\nHost: a\nHost: b\n\n"), 400],
    "a Host with a path": [raw("GET /health HTTP/1.1\nHost: a/b\n\n"), 400],
    "HTTP/2.0 in the request line": [raw("GET /health HTTP/2.0\nHost: x\n\n"), [400, 505]],
    "HTTP/0.9": [raw("GET /health\n\n"), 400],
    "a method that is no token": [raw("G@T /health HTTP/1.1\nHost: x\n\n"), 400],
    "two spaces in the request line": [raw("GET  /health HTTP/1.1\nHost: x\n\n"), 400],
    "a raw byte in the target": [raw("GET /h\xe9alth HTTP/1.1\nHost: x\n\n"), 400],
    "an unknown expectation": [post("Expect: 200-ok\nContent-Length: 2\n", "{}"), 417],
  };
  for (const [name, [bytes, statuses]] of Object.entries(cases)) {
    test(`by ${name} is refused, and the connection is closed`, async () => {
      const { response, connection } = await send(bytes);
      assert.ok(response && [statuses].flat().includes(response.status), `${name}: ${response?.status} ${response?.text}`);
      assert.equal(response.headers.connection, "close");
      assert.equal(typeof response.json().error.message, "string");
      await connection.closed();
      assert.equal(connection.inbox.bytes.length, 0, "what follows is not taken for a request");
    });
  }

  test("by a body that looks like a request is taken for the body it is", async () => {
    const inner = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    const { response, connection } = await send(Buffer.concat([requestBytes({ method: "POST", path: "/v1/chat/completions", body: inner }), requestBytes({ path: "/health/live" })]));
    assert.equal(response.status, 400);
    assert.equal((await connection.response()).text, '{"status":"ok"}');
    connection.destroy();
  });
});

describe("floods", () => {
  test("of header bytes get 431", async () => {
    const error = await refusedAndClosed(raw(`GET /health HTTP/1.1\nHost: x\nX-Big: ${"a".repeat(20_000)}\n\n`), 431, "one large field");
    assert.equal(error.code, "headers_too_large");
    await refusedAndClosed(raw(`GET /health HTTP/1.1\nHost: x\n${"X: a\n".repeat(2000)}\n`), 431, "many fields");
    await refusedAndClosed(raw(`GET /${"a".repeat(20_000)} HTTP/1.1\nHost: x\n\n`), 431, "a long target");
    const before = await gateway.metric("tollgate_attacks_total", { kind: "header_too_large" });
    await refusedAndClosed(Buffer.alloc(40_000, "A"), 431, "a request line without end");
    assert.equal(await gateway.metric("tollgate_attacks_total", { kind: "header_too_large" }), before + 1);
  });

  test("of slow heads get 408 and are closed", async () => {
    const started = performance.now();
    const slow = await Promise.all(Array.from({ length: 50 }, () => Connection.open(gateway.port)));
    for (const connection of slow) await connection.write("GET /health HTTP/1.1\r\nHost: x\r\n");
    const drip = setInterval(() => slow.forEach((connection) => connection.socket.writable && connection.write("X-A: b\r\n")), 100);
    try {
      for (const connection of slow) {
        assert.equal((await connection.response()).status, 408);
        await connection.closed();
      }
    } finally {
      clearInterval(drip);
    }
    assert.ok(performance.now() - started < 5000, "the bytes that drip in do not extend the time");
    slow.forEach((connection) => connection.destroy());
    assert.equal(await gateway.metric("tollgate_attacks_total", { kind: "slow_header" }), 50);
  });

  test("of requests whose answers nobody reads end after server.timeouts.write", async (t) => {
    const strict = await Gateway.start(t, { server: { timeouts: { write: "300ms" } }, providers: { default: "demo", demo: {} }, logging: { access: false } });
    const connection = await Connection.open(strict.port);
    connection.socket.pause();
    connection.socket.on("error", () => {});
    const ended = new Promise((resolve) => connection.socket.once("close", resolve));
    connection.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(4000));
    await eventually(async () => (await strict.metric("tollgate_attacks_total", { kind: "slow_reader" })) === 1, "the cut-off");
    connection.destroy();
    await ended;
  });

  test("of bodies that come byte by byte get 408, however regularly; those with a pace do not", async (t) => {
    const patient = await Gateway.start(t, { server: { timeouts: { body: "1500ms" } }, providers: { default: "demo", demo: {} } });
    const send = async (length, pieces) => {
      const connection = await Connection.open(patient.port);
      await connection.write(raw(`POST /v1/chat/completions HTTP/1.1\nHost: x\nContent-Type: application/json\nContent-Length: ${length}\n\n`));
      const answer = connection.response();
      const drip = setInterval(() => {
        const next = pieces.next();
        next.done ? clearInterval(drip) : connection.socket.writable && connection.write(next.value);
      }, 100);
      try {
        return (await within(answer, "an answer")).status;
      } finally {
        clearInterval(drip);
        connection.destroy();
      }
    };
    const body = JSON.stringify({ ...message, user: "u".repeat(59_000) });
    const spaces = (function* () { for (;;) yield " "; })();
    // In all longer than the gateway waits for one piece.
    const paced = (function* () { for (let at = 0; at < body.length; at += 3_000) yield body.slice(at, at + 3_000); })();
    assert.deepEqual(await Promise.all([send(100_000, spaces), send(body.length, paced)]), [408, 200]);
    assert.equal(await patient.metric("tollgate_attacks_total", { kind: "slow_body" }), 1);
  });

  test("of noise and TLS on the plain port are refused at once", async () => {
    const hello = Buffer.from("1603010200010001fc0303", "hex");
    for (const bytes of [hello, Buffer.from([0, 1, 2, 3]), Buffer.from("\x05\x01\x00"), Buffer.from("SSH-2.0-x\r\n")]) {
      const { response, connection } = await send(bytes);
      assert.equal(response?.status, 400, bytes.toString("latin1"));
      await connection.closed();
    }
    const random = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7919 + 13) % 256));
    for (let at = 0; at < 100; ++at) {
      const connection = await Connection.open(gateway.port);
      await connection.write(random.subarray(at));
      connection.destroy();
    }
  });

  test("of connections that say nothing leave the others alone", async () => {
    const idle = await Promise.all(Array.from({ length: 500 }, () => Connection.open(gateway.port)));
    assert.equal((await gateway.chat({ model: "demo-1" })).status, 200);
    idle.forEach((connection) => connection.destroy());
    await gateway.settled();
  });
});

describe("JSON that is not what it should be", () => {
  const text = (body) => requestBytes({ method: "POST", path: "/v1/chat/completions", body });
  const whole = '{"model":"demo-1","messages":[{"role":"user","content":"hi"}]';
  const bad = {
    "an empty body": ["", 400], "white space only": ["  \n ", 400], "no object": ["[1,2]", 400], "a string": ['"x"', 400], "null": ["null", 400],
    "half an object": [whole, 400], "something behind it": [`${whole}} x`, 400], "two objects": [`${whole}}{}`, 400],
    "invalid UTF-8": [Buffer.concat([Buffer.from('{"model":"demo-1","messages":[{"role":"user","content":"'), Buffer.from([0xff, 0xfe, 0xc0, 0xaf]), Buffer.from('"}]}')]), 400],
    "a raw NUL in a string": [`{"model":"demo-1","messages":[{"role":"user","content":"a\0b"}]}`, 400],
    "a raw newline in a string": [`{"model":"demo-1","messages":[{"role":"user","content":"a\nb"}]}`, 400],
    "nesting without end": [`${whole},"x":${"[".repeat(100_000)}`, 400], "deep nesting": [`${whole},"x":${"[".repeat(100)}${"]".repeat(100)}}`, 400],
    "duplicate models": ['{"model":"demo-1","model":"demo-mini","messages":[{"role":"user","content":"hi"}]}', 400],
    "a trailing comma": [`${whole},}`, 400], "a comment": [`/* x */${whole}}`, 400], "single quotes": ["{'model':'demo-1'}", 400], "NaN": [`${whole},"temperature":NaN}`, 400],
    "a lone surrogate escape": [`{"model":"demo-1","messages":[{"role":"user","content":"\\ud800"}]}`, [200, 400]],
    "an absurd number": [`${whole},"max_tokens":1e999}`, [200, 400]], "a model of a megabyte": [`{"model":"${"m".repeat(900_000)}","messages":[{"role":"user","content":"hi"}]}`, [400, 404]],
    "no model": ['{"messages":[{"role":"user","content":"hi"}]}', 400], "a model that is a list": ['{"model":["x"],"messages":[{"role":"user","content":"hi"}]}', 400],
    "an empty model": ['{"model":"","messages":[{"role":"user","content":"hi"}]}', 400], "messages that are text": ['{"model":"demo-1","messages":"hi"}', 400],
    "a message that is null": ['{"model":"demo-1","messages":[null]}', 400], "stream as a number": [`${whole},"stream":1}`, 400],
  };
  for (const [name, [body, statuses]] of Object.entries(bad)) {
    test(`${name}: a precise 4xx, and the connection stays`, async () => {
      const { response, connection } = await send(text(body));
      assert.ok([statuses].flat().includes(response.status), `${name}: ${response.status} ${response.text.slice(0, 500)}`);
      assert.ok(response.body.length < 4000, "the answer does not echo without bound");
      if (response.status >= 400) assert.equal(response.json().error.type, "invalid_request_error");
      assert.equal((await connection.exchange({ path: "/health/live" })).status, 200);
      connection.destroy();
    });
  }
});

describe("the HTTP surface", () => {
  const refusals = [
    ["POST", "/v1/chat/completions", { "content-type": "text/plain" }, "{}", 415, "unsupported_media_type"],
    ["POST", "/v1/chat/completions", { "content-type": "application/x-www-form-urlencoded" }, "a=b", 415, "unsupported_media_type"],
    ["GET", "/v1/chat/completions", {}, undefined, 405, "method_not_allowed", "POST"],
    ["DELETE", "/v1/models", {}, undefined, 405, "method_not_allowed", "GET"],
    ["POST", "/metrics", {}, "{}", 405, "method_not_allowed", "GET"],
    ["GET", "/nothing", {}, undefined, 404, "not_found"],
    ["POST", "/v1/chat/completions/", {}, "{}", 404, "not_found"],
    ["GET", "/v1/../metrics", {}, undefined, 404, "not_found"],
    ["GET", "/admin/v1/config", {}, undefined, 404, "not_found"],
    ["TRACE", "/v1/models", {}, undefined, 405, "method_not_allowed"],
  ];
  for (const [method, path, headers, body, status, code, allow] of refusals) {
    test(`${method} ${path} ${headers["content-type"] ?? ""} is ${status}`, async () => {
      const response = await gateway.request({ method, path, headers, body });
      assert.equal(response.status, status, response.text);
      assert.equal(response.json().error.code, code);
      if (allow) assert.match(response.headers.allow, new RegExp(allow));
    });
  }

  test("takes JSON under its other names, and requests without a content type", async () => {
    for (const type of ["application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json", null]) {
      assert.equal((await gateway.request(chat({}, { "content-type": type }))).status, 200, String(type));
    }
  });

  test("answers HEAD like GET, without a body", async () => {
    const connection = await Connection.open(gateway.port);
    for (const path of ["/health", "/health/live", "/health/ready", "/metrics", "/v1/models"]) {
      const head = await connection.exchange({ method: "HEAD", path });
      assert.equal(head.status, 200, path);
      assert.ok(Number(head.headers["content-length"]) > 0);
    }
    assert.equal((await connection.exchange({ path: "/health" })).text, '{"status":"ok"}');
    connection.destroy();
  });

  test("understands absolute targets and queries", async () => {
    for (const path of ["http://gateway.example/health/live", "/health/live?x=1&y=%00"]) {
      assert.equal((await gateway.get(path)).status, 200, path);
    }
  });

  test("answers preflights of allowed origins and shows the headers to them", async () => {
    const preflight = (origin) => gateway.request({ method: "OPTIONS", path: "/v1/chat/completions", headers: {
      origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization, content-type, x-stainless-os" } });
    const good = await preflight("https://app.example");
    assert.equal(good.status, 204);
    assert.equal(good.headers["access-control-allow-origin"], "https://app.example");
    assert.match(good.headers["access-control-allow-methods"], /POST/);
    assert.match(good.headers["access-control-allow-headers"], /x-stainless-os/);
    assert.equal(good.headers["access-control-max-age"], "3600");
    assert.ok(!("access-control-allow-origin" in (await preflight("https://evil.example")).headers));
    const simple = await gateway.chat({ model: "demo-1" }, { origin: "https://app.example" });
    assert.equal(simple.headers["access-control-allow-origin"], "https://app.example");
    assert.match(simple.headers.vary, /origin/i);
    assert.ok(simple.headers["access-control-expose-headers"]);
    const other = await gateway.chat({ model: "demo-1" }, { origin: "https://evil.example" });
    assert.equal(other.status, 200);
    assert.ok(!("access-control-allow-origin" in other.headers));
    const failed = await gateway.request({ ...chat(), body: "{", headers: { origin: "https://app.example" } });
    assert.equal(failed.headers["access-control-allow-origin"], "https://app.example", "browsers may read errors, too");
  });

  test("does not let texts of the client break out of a header", async () => {
    const response = await gateway.request({ path: "/v1/models/%0d%0ax-evil:%201%ff", headers: { "x-request-id": 'a"b\\c' } });
    assert.equal(response.status, 404);
    assert.ok(!("x-evil" in response.headers));
    assert.doesNotThrow(() => response.json(), response.text);
    assert.ok(!response.text.includes("\ufffd") || response.json());
    assert.match(response.headers["x-request-id"], /^[0-9a-f]{32}$/);
    const model = await gateway.chat({ model: "demo/a\r\nx-evil: 1\u0000\u{1f600}" });
    assert.ok(!("x-evil" in model.headers));
    assert.ok([400, 404].includes(model.status));
  });
});

test("all this has cost bounded memory and left nothing behind", async () => {
  await gateway.settled();
  await eventually(async () => (await gateway.metric("tollgate_client_connections")) === 1, "connections to end");
  assert.ok(gateway.residentBytes() < kMemory, `resident: ${gateway.residentBytes()}`);
});
