// Bytes in, bytes out: what a gateway in front of an OpenAI-shaped vendor may touch, and what it must not.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import zlib from "node:zlib";
import { megabytes } from "./support/bounded.mjs";
import { Gateway, compat } from "./support/gateway.mjs";
import { Connection, eventData, requestBytes } from "./support/http.mjs";
import { chunkBytes, completion, delta, event, FakeUpstream, headBytes, streamText, usageChunk, wellBehaved } from "./support/upstream.mjs";

// One gateway and one vendor for the file; each test says what the vendor answers.
let answer = wellBehaved;
const upstream = await FakeUpstream.start({ after }, (incoming) => answer(incoming));
const gateway = await Gateway.start({ after }, {
  server: { limits: { body: "1MiB" }, threads: 1 },
  providers: { up: compat(upstream, { headers: { "X-Team": "search" } }), demo: {} },
  models: { alias: { chain: ["up/m"] } },
  failover: { retries: 0, breaker: { errors: 0 } },
});
function vendor(t, script) {
  answer = script;
  t.after(() => (answer = wellBehaved));
}
const rawChat = (text, headers = {}) => gateway.post("/v1/chat/completions", text, headers);

describe("requests reach the vendor", () => {
  test("byte for byte, except for the model's name", async () => {
    const spaced = '{ "future_field" : {"a":[1, 2.50e+1,\t"\\u00e9\\ud83d\\ude00 é😀"]},\r\n  "messages":[ {"role":"user","content":"h\\u0069 \\/ \\n","x":null} ] , ' +
      '"temperature":0.70, "big":12345678901234567890123, "model" : "up/m", "tail":[ ] }';
    const response = await rawChat(spaced);
    assert.equal(response.status, 200, response.text);
    assert.equal(upstream.last.text, spaced.replace('"up/m"', '"m"'));
  });

  test("the same through an alias and with a model name that was escaped", async () => {
    for (const name of ['"alias"', '"\\u0061lias"']) {
      const text = `{"messages":[{"role":"user","content":"hi"}],"model":${name},"z":1}`;
      assert.equal((await rawChat(text)).status, 200);
      assert.equal(upstream.last.text, text.replace(name, '"m"'));
    }
  });

  test("streams gain stream_options and nothing else", async () => {
    const asked = [
      ['{"model":"m","messages":[{"role":"user","content":"x"}],"stream": true }', '"stream": true,"stream_options":{"include_usage":true} }'],
      ['{"stream_options": {"include_obfuscation":false},"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}', '"include_obfuscation":false,"include_usage":true'],
      ['{"stream_options": {"include_usage": false},"model":"m","messages":[{"role":"user","content":"x"}],"stream":true}', '{"include_usage": true}'],
    ];
    for (const [text, expected] of asked) {
      const response = await rawChat(text.replace('"m"', '"up/m"'));
      assert.ok(upstream.last.text.includes(expected), upstream.last.text);
      assert.deepEqual(upstream.last.json.messages, JSON.parse(text).messages);
      assert.equal(response.text, streamText(), "usage that the client did not ask for is gone");
    }
    const own = '{"stream_options":{"include_usage":true},"model":"m","messages":[],"stream":true}'.replace("[]", '[{"role":"user","content":"x"}]');
    const response = await rawChat(own.replace('"m"', '"up/m"'));
    assert.equal(upstream.last.text, own);
    assert.equal(response.text, streamText(undefined, { usage: true }));
  });

  test("completions and embeddings too", async (t) => {
    vendor(t, (incoming) => incoming.reply(200, '{"object": "list","data":[{"embedding":[1,2],"index":0,"object":"embedding"}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}'));
    const embeddings = await gateway.post("/v1/embeddings", '{"model":"up/m","input":[[1,2,3]],"unknown":"é"}');
    assert.equal(upstream.last.path, "/v1/embeddings");
    assert.equal(upstream.last.text, '{"model":"m","input":[[1,2,3]],"unknown":"é"}');
    assert.match(embeddings.text, /^\{"object": "list"/);
    vendor(t, (incoming) => incoming.reply(200, '{"object":"text_completion","choices":[{"text":"!","index":0,"finish_reason":"stop"}],"surprise":1}'));
    const completions = await gateway.post("/v1/completions", '{"prompt":"x","model":"up/m","best_of":2}');
    assert.equal(upstream.last.path, "/v1/completions");
    assert.equal(upstream.last.text, '{"prompt":"x","model":"m","best_of":2}');
    assert.ok(completions.text.includes('"surprise":1'));
  });

  test("with the provider's key and headers in place of the caller's", async () => {
    await gateway.chat({ model: "up/m" }, { authorization: "Bearer caller-secret", cookie: "a=b", "x-forwarded-for": "1.2.3.4", "openai-beta": "assistants=v2" });
    const { headers } = upstream.last;
    assert.equal(headers.authorization, "Bearer sk-upstream");
    assert.equal(headers["x-team"], "search");
    assert.equal(headers["openai-beta"], "assistants=v2");
    assert.equal(headers["content-type"], "application/json");
    assert.ok(!("cookie" in headers));
    assert.ok(!upstream.last.rawHead.includes("caller-secret"));
    assert.ok(!("transfer-encoding" in headers));
  });

  test("gzip, deflate and brotli bodies arrive as plain JSON", async () => {
    const text = JSON.stringify({ model: "m", messages: [{ role: "user", content: "compressed ".repeat(1000) }] });
    for (const [coding, packed] of [["gzip", zlib.gzipSync], ["deflate", zlib.deflateSync], ["br", zlib.brotliCompressSync]]) {
      const response = await rawChat(packed(text.replace('"m"', '"up/m"')), { "content-encoding": coding });
      assert.equal(response.status, 200, `${coding}: ${response.text}`);
      assert.equal(upstream.last.text, text);
      assert.ok(!("content-encoding" in upstream.last.headers));
    }
  });

  test("bombs, broken and unknown codings do not", async () => {
    const before = upstream.requests.length;
    const bomb = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20), { level: 9 });
    const cases = [
      ["gzip", bomb, 413], ["br", zlib.brotliCompressSync(Buffer.alloc(8 * 1024 * 1024, 0x20)), 413],
      ["gzip", Buffer.from("not gzip"), 400], ["gzip", zlib.gzipSync("{}").subarray(0, 15), 400],
      ["compress", Buffer.from("x"), 415], ["gzip, gzip", zlib.gzipSync("{}"), 400],
    ];
    for (const [coding, body, status] of cases) {
      const response = await rawChat(body, { "content-encoding": coding });
      assert.equal(response.status, status, `${coding} ${body.length}: ${response.text}`);
      assert.equal(typeof response.json().error.message, "string");
    }
    assert.equal(upstream.requests.length, before);
    assert.ok(gateway.residentBytes() < megabytes(200));
  });
});

describe("whole answers reach the client", () => {
  test("byte for byte, spacing, escapes and unknown fields included", async (t) => {
    const odd = ' {"id":"x" ,\t"choices":[ {"index":0,"message":{"role":"assistant","content":"\\u0048\\ud83d\\ude00 \\/ é","audio":null},"finish_reason":"stop","new":[1e2]} ],\r\n' +
      ' "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cost":0.10},"service_tier":"x" }\n';
    vendor(t, (incoming) => incoming.reply(200, odd));
    const response = await gateway.chat({ model: "up/m" });
    assert.equal(response.text, odd);
    assert.equal(await gateway.counted("tollgate_tokens_total", { provider: "up", kind: "output", source: "vendor" }) >= 2, true);
  });

  test("with the vendor's rate limits, and without the fields of its hop", async (t) => {
    vendor(t, (incoming) => incoming.reply(200, completion(), {
      "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-tokens": "6m0s", "openai-processing-ms": "12", "retry-after": "3",
      connection: "keep-alive, x-hop", "x-hop": "1", "keep-alive": "timeout=5", "set-cookie": "__cf=1", "x-request-id": "vendor-id",
      "access-control-allow-origin": "*", "proxy-authenticate": "Basic", "alt-svc": "h3", server: "vendor/1",
    }));
    const { headers } = await gateway.chat({ model: "up/m" }, { "x-request-id": "mine" });
    assert.equal(headers["x-ratelimit-remaining-requests"], "59");
    assert.equal(headers["x-ratelimit-reset-tokens"], "6m0s");
    assert.equal(headers["openai-processing-ms"], "12");
    assert.equal(headers["retry-after"], "3");
    assert.equal(headers["x-request-id"], "mine");
    for (const name of ["x-hop", "keep-alive", "set-cookie", "access-control-allow-origin", "proxy-authenticate", "alt-svc"]) {
      assert.ok(!(name in headers), name);
    }
  });

  test("decoded from gzip, deflate, brotli and, where node has it, zstd", async (t) => {
    const text = JSON.stringify(completion("packed ".repeat(500)));
    const codings = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync, zstd: zlib.zstdCompressSync };
    for (const [coding, pack] of Object.entries(codings)) {
      if (!pack) continue; // zstd came with node 22.15
      vendor(t, (incoming) => incoming.reply(200, pack(text), { "content-encoding": coding }));
      const response = await gateway.chat({ model: "up/m" });
      assert.equal(response.text, text, coding);
      assert.ok(!("content-encoding" in response.headers));
    }
  });

  test("larger than what is held back, with and without a length", async (t) => {
    const large = JSON.stringify(completion("0123456789".repeat(400_000)));
    vendor(t, (incoming) => incoming.reply(200, large));
    assert.equal((await gateway.chat({ model: "up/m" })).text, large);
    vendor(t, async (incoming) => {
      await incoming.head(200, { "content-type": "application/json", "transfer-encoding": "chunked" });
      for (let at = 0; at < large.length; at += 100_000) await incoming.chunk(large.slice(at, at + 100_000));
      await incoming.lastChunk();
    });
    assert.equal((await gateway.chat({ model: "up/m" })).text, large);
  });

  const whole = JSON.stringify(completion());
  const framings = {
    "chunks with extensions and trailers": `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n` +
      `5;name=value\r\n${whole.slice(0, 5)}\r\n` + `0${(whole.length - 5).toString(16).toUpperCase()};q="a;b"\r\n${whole.slice(5)}\r\n0;last\r\nx-sum: abc\r\nx-more: d\r\n\r\n`,
    "one-byte chunks": `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${[...whole].map((c) => `1\r\n${c}\r\n`).join("")}0\r\n\r\n`,
    "100 and 103 before the 200": `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`,
    "no reason phrase": `HTTP/1.1 200 \r\ncontent-type: application/json\r\ncontent-length: ${whole.length}\r\n\r\n${whole}`,
  };
  for (const [name, bytes] of Object.entries(framings)) {
    test(`framed as: ${name}; the connection is used again`, async (t) => {
      vendor(t, (incoming) => incoming.write(bytes));
      const before = upstream.connections;
      for (let i = 0; i < 2; ++i) {
        const response = await gateway.chat({ model: "up/m" });
        assert.equal(response.status, 200, response.text);
        assert.equal(response.text, whole);
      }
      assert.ok(upstream.connections - before <= 1);
    });
  }

  for (const [name, head] of [["HTTP/1.0", "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n"], ["HTTP/1.1 until the close", "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"]]) {
    test(`framed as: ${name}`, async (t) => {
      vendor(t, async (incoming) => {
        await incoming.write(head + whole.slice(0, 10));
        await incoming.write(whole.slice(10));
        incoming.end();
      });
      const response = await gateway.chat({ model: "up/m" });
      assert.equal(response.text, whole);
      assert.equal(response.clean, true);
    });
  }

  test("cut into pieces at every offset of head and body", async (t) => {
    const bytes = Buffer.concat([headBytes(200, { "content-type": "application/json", "content-length": whole.length }), Buffer.from(whole)]);
    for (let at = 1; at < bytes.length; at += 3) {
      vendor(t, async (incoming) => {
        await incoming.write(bytes.subarray(0, at));
        await new Promise(setImmediate);
        await incoming.write(bytes.subarray(at));
      });
      assert.equal((await gateway.chat({ model: "up/m" })).text, whole, `offset ${at}`);
    }
  });
});

describe("streams reach the client", () => {
  const stream = (options) => gateway.chat({ model: "up/m", stream: true, ...options });
  const asRead = async (t, text, options) => {
    vendor(t, async (incoming) => {
      await incoming.stream();
      await incoming.chunk(text);
      await incoming.lastChunk();
    });
    return stream(options);
  };

  test("as read, with comments, unknown fields, ids and odd spacing", async (t) => {
    const text = `${event(delta("a"))}: keep-alive\n\nid: 7\nevent: message\ndata:  {"choices" : [ {"index":0,"delta":{"content":"\\u0062\\u00e9"},"finish_reason":null,"zz":1} ] }\n\n` +
      `retry: 10\n\n${event(delta(null, "stop"))}${event("[DONE]")}`;
    const response = await asRead(t, text);
    assert.equal(response.text, text);
    assert.equal(response.headers["content-type"], "text/event-stream");
    assert.equal(response.clean, true);
  });

  test("with CRLF and CR line ends", async (t) => {
    for (const end of ["\r\n", "\r"]) {
      const text = streamText(["a", "b"]).replaceAll("\n", end);
      const response = await asRead(t, text);
      // A last CR may be half of a CRLF: the gateway may complete it.
      assert.equal(response.text.trimEnd(), text.trimEnd(), JSON.stringify(end));
      assert.equal(response.clean, true);
    }
  });

  test("without a last blank line, and without [DONE]", async (t) => {
    const text = streamText(["a"]);
    assert.deepEqual(eventData((await asRead(t, text.trimEnd())).text), eventData(text));
    const undone = await asRead(t, text.replace(event("[DONE]"), ""));
    assert.equal(undone.clean, true);
    assert.deepEqual(eventData(undone.text), eventData(text), "the answer is known to be complete, so it ends as clients expect");
  });

  test("split at each offset, with usage stripped where it was not asked for", async (t) => {
    const text = streamText(["a\u00e9\u{1f600}", "b"], { usage: true }).replace(event(delta("b")), `: note\n${event(delta("b"))}`);
    const expected = text.replace(event(usageChunk()), "");
    const bytes = Buffer.from(text);
    for (let at = 1; at < bytes.length; at += 2) {
      vendor(t, async (incoming) => {
        await incoming.stream();
        await incoming.chunk(bytes.subarray(0, at));
        await new Promise(setImmediate);
        await incoming.chunk(bytes.subarray(at));
        await incoming.lastChunk();
      });
      const response = await stream();
      assert.equal(response.text, expected, `offset ${at}`);
    }
  });

  test("byte by byte", async (t) => {
    const text = streamText(["one", " two"], { usage: true });
    vendor(t, async (incoming) => {
      await incoming.stream();
      for (const byte of Buffer.from(text)) {
        await incoming.chunk(Buffer.from([byte]));
        if (byte % 16 === 0) await new Promise(setImmediate);
      }
      await incoming.lastChunk();
    });
    assert.equal((await stream()).text, text.replace(event(usageChunk()), ""));
    assert.equal((await stream({ stream_options: { include_usage: true } })).text, text);
  });

  test("event by event as the vendor sends them, not at the end", async (t) => {
    const connection = await Connection.open(gateway.port);
    t.after(() => connection.destroy());
    let proceed;
    vendor(t, async (incoming) => {
      await incoming.stream();
      for (const text of ["1", "2", "3"]) {
        const seen = new Promise((resolve) => (proceed = resolve));
        await incoming.chunk(event(delta(text)));
        await seen; // the next only when the client has this one
      }
      await incoming.chunk(event(delta(null, "stop")) + event("[DONE]"));
      await incoming.lastChunk();
    });
    let all = "";
    const body = { model: "up/m", stream: true, messages: [{ role: "user", content: "hi" }] };
    const response = await connection.exchange({ method: "POST", path: "/v1/chat/completions", body }, {
      onBytes: (bytes) => {
        all += bytes;
        if (all.endsWith("\n\n")) proceed?.();
      },
    });
    assert.equal(response.text, streamText(["1", "2", "3"]));
  });

  test("decoded from gzip, event by event", async (t) => {
    vendor(t, async (incoming) => {
      await incoming.stream({ "content-encoding": "gzip" });
      const packer = zlib.createGzip();
      const done = (async () => { for await (const piece of packer) await incoming.chunk(piece); })();
      for (const part of streamText(["a", "b", "c"]).split(/(?<=\n\n)/)) {
        packer.write(part);
        await new Promise((resolve) => packer.flush(resolve));
      }
      packer.end();
      await done;
      await incoming.lastChunk();
    });
    const response = await stream();
    assert.equal(response.text, streamText(["a", "b", "c"]));
    assert.ok(!("content-encoding" in response.headers));
  });

  test("until the vendor closes, when it frames them so", async (t) => {
    vendor(t, async (incoming) => {
      await incoming.head(200, { "content-type": "text/event-stream" });
      await incoming.write(streamText());
      incoming.end();
    });
    const response = await stream();
    assert.equal(response.text, streamText());
    assert.equal(response.clean, true);
  });

  test("as one HTTP/1.0 answer that the close ends, for an HTTP/1.0 client", async () => {
    const connection = await Connection.open(gateway.port);
    const body = { model: "up/m", stream: true, messages: [{ role: "user", content: "hi" }] };
    const bytes = requestBytes({ method: "POST", path: "/v1/chat/completions", body }).toString().replace("HTTP/1.1", "HTTP/1.0");
    await connection.write(bytes);
    const response = await connection.response();
    assert.equal(response.framing, "close");
    assert.equal(response.text, streamText());
    assert.ok(!("transfer-encoding" in response.headers));
  });

  test("many at once, each its own", async (t) => {
    vendor(t, async (incoming) => {
      const tag = incoming.json.messages[0].content;
      await incoming.stream();
      for (let i = 0; i < 20; ++i) {
        await incoming.chunk(event(delta(`${tag}.${i} `)));
        await new Promise(setImmediate);
      }
      await incoming.chunk(event(delta(null, "stop")) + event("[DONE]"));
      await incoming.lastChunk();
    });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => stream({ messages: [{ role: "user", content: `t${i}` }] })));
    answers.forEach((response, i) => {
      const texts = eventData(response.text).slice(0, -1).map((data) => JSON.parse(data).choices[0].delta.content ?? "");
      assert.equal(texts.join(""), Array.from({ length: 20 }, (_, j) => `t${i}.${j} `).join(""));
    });
    await gateway.settled();
  });

  test("of any number of events, however fast they come", async (t) => {
    const text = event(delta("x")).repeat(20_000) + event(delta(null, "stop")) + event("[DONE]");
    vendor(t, (incoming) => {
      const pieces = text.match(/[^]{1,100}/g).map(chunkBytes);
      return incoming.write(Buffer.concat([headBytes(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked" }), ...pieces, Buffer.from("0\r\n\r\n")]));
    });
    const relayed = await stream();
    assert.equal(relayed.clean, true);
    assert.equal(relayed.text, text);
    const made = await gateway.chat({ model: "demo/demo-1", stream: true }, { "x-tollgate-demo": "chunks=20000" });
    assert.equal(made.clean, true);
    assert.ok(eventData(made.text).length > 20_000);
  });

  test("a slow reader slows the vendor down instead of filling the gateway's memory", async (t) => {
    const line = event(delta("x".repeat(8000)));
    let sent = 0;
    let blocked = false;
    vendor(t, async (incoming) => {
      await incoming.stream();
      // Without backpressure this would end with 400 MB in the gateway.
      for (let i = 0; i < 50_000 && !incoming.socket.destroyed; ++i) {
        sent += line.length;
        if (!incoming.socket.write(chunkBytes(line))) {
          const drained = await Promise.race([
            new Promise((resolve) => incoming.socket.once("drain", () => resolve(true)).once("close", () => resolve(false))),
            new Promise((resolve) => setTimeout(() => resolve("blocked"), 500)),
          ]);
          if (drained === "blocked") {
            blocked = true;
            break;
          }
        }
      }
      incoming.socket.destroy();
    });
    const connection = await Connection.open(gateway.port);
    connection.socket.pause();
    const before = gateway.residentBytes();
    await connection.write(requestBytes({ method: "POST", path: "/v1/chat/completions", body: { model: "up/m", stream: true, messages: [{ role: "user", content: "hi" }] } }));
    const incoming = await upstream.request();
    await incoming.closed;
    assert.ok(blocked, "the vendor had to wait");
    assert.ok(sent < 60e6, `sent ${sent}`);
    assert.ok(gateway.residentBytes() - before < megabytes(20), `grew by ${gateway.residentBytes() - before}`);
    connection.destroy();
    await gateway.settled();
  });
});
