// HTTP/2 frames that a client must not send, by the section of RFC 9113 (or RFC 7540 and 7541 where named) that forbids them.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { eventually, megabytes } from "./support/bounded.mjs";
import {
  ACK, block, CONTINUATION, DATA, END_HEADERS, END_STREAM, frame, FrameClient, get, GOAWAY, HAS_PRIORITY, HEADERS, headers, kPreface, PADDED, PING, post,
  PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, settings, u32, WINDOW_UPDATE,
} from "./support/frames.mjs";
import { Authority } from "./support/certificates.mjs";
import { Gateway } from "./support/gateway.mjs";

const authority = new Authority({ after });
const { certFile, keyFile } = authority.issue("here", "DNS:localhost,IP:127.0.0.1");
const gateway = await Gateway.start({ after }, {
  server: { listen: ["http://127.0.0.1:0", "127.0.0.1:0"], tls: { cert: certFile, key: keyFile },
    threads: 1, limits: { header: "16KiB" }, timeouts: { header: "2s" }, http2: { max_streams: 20 } }, providers: { demo: {} } });
const doors = {
  "in plain text": (options) => FrameClient.open(gateway.port, options),
  "over TLS": (options) => FrameClient.open(gateway.ports[1], { secure: { ca: authority.ca, servername: "localhost" }, ...options }),
};

// Verdicts.  A stream error may always be treated as one of the connection (section 5.4.1).
const connection = (code) => [`GOAWAY ${code}`, "closed"];
const either = (...codes) => codes.flatMap((code) => [`GOAWAY ${code}`, `RST_STREAM ${code}`, "closed"]);
const stream = (code) => [`RST_STREAM ${code}`];
const fine = ["HEADERS"];

const open = (id = 1) => headers(id, post(), END_HEADERS); // the body is awaited
const uses = (n) => 2 * n - 1;
const dependency = (on, weight = 15) => Buffer.concat([u32(on), Buffer.from([weight])]);
const without = (name) => get().filter(([key]) => key !== name);
const ended = async (client) => {
  client.send(headers(1));
  await client.next((f) => f.stream === 1 && f.flags & END_STREAM && (f.type === DATA || f.type === HEADERS), "the answer");
};

// [section, what, frames or function of the client, verdict, the stream whose HEADERS count]
const kCases = [
  ["3.4", "SETTINGS may hold nothing", [headers(1)], fine, 1],
  ["4.1", "a frame of unknown type is ignored", [frame(0x16, 0, 0, Buffer.alloc(8)), frame(0x16, 255, 7, Buffer.alloc(8)), headers(1)], fine, 1],
  ["4.1", "undefined flags are ignored", [frame(PING, 0x16, 0, Buffer.alloc(8)), headers(1)], fine, 1],
  ["4.1", "the reserved bit is ignored", [frame(PING, 0, 0x80000000, Buffer.alloc(8)), headers(1)], fine, 1],
  ["4.2", "DATA of 16384 bytes is accepted", [headers(1, post("/nothing"), END_HEADERS), frame(DATA, END_STREAM, 1, Buffer.alloc(16384))], fine, 1],
  ["4.2", "DATA above SETTINGS_MAX_FRAME_SIZE", [open(), frame(DATA, 0, 1, Buffer.alloc(16385))], either("FRAME_SIZE_ERROR")],
  ["4.2", "HEADERS above SETTINGS_MAX_FRAME_SIZE", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.alloc(16385))], connection("FRAME_SIZE_ERROR")],
  ["4.3", "a header block that cannot be decoded", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.from([0x40, 1]))], connection("COMPRESSION_ERROR")],
  ["4.3", "PRIORITY within a header block", [frame(HEADERS, END_STREAM, 1, block(get())), frame(PRIORITY, 0, 1, dependency(0))], connection("PROTOCOL_ERROR")],
  ["4.3", "HEADERS of another stream within a header block", [frame(HEADERS, END_STREAM, 1, block(get())), headers(3)], connection("PROTOCOL_ERROR")],
  ["5.1", "idle: DATA", [frame(DATA, END_STREAM, 1, "x")], connection("PROTOCOL_ERROR")],
  ["5.1", "idle: RST_STREAM", [frame(RST_STREAM, 0, 1, u32(8))], connection("PROTOCOL_ERROR")],
  ["5.1", "idle: WINDOW_UPDATE", [frame(WINDOW_UPDATE, 0, 1, u32(100))], connection("PROTOCOL_ERROR")],
  ["5.1", "idle: CONTINUATION", [frame(CONTINUATION, END_HEADERS, 1, block(get()))], connection("PROTOCOL_ERROR")],
  ["5.1", "idle: PRIORITY is allowed", [frame(PRIORITY, 0, 3, dependency(0)), headers(1)], fine, 1],
  ["5.1", "half-closed (remote): DATA", [settings([4, 0]), headers(1), frame(DATA, END_STREAM, 1, "x")], either("STREAM_CLOSED")],
  ["5.1", "half-closed (remote): HEADERS", [settings([4, 0]), headers(1), headers(1)], either("STREAM_CLOSED")],
  ["5.1", "half-closed (remote): CONTINUATION", [settings([4, 0]), headers(1), frame(CONTINUATION, END_HEADERS, 1, block(get()))], either("STREAM_CLOSED", "PROTOCOL_ERROR")],
  ["5.1", "half-closed (remote): WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed",
    [headers(1), frame(WINDOW_UPDATE, 0, 1, u32(1)), frame(PRIORITY, 0, 1, dependency(0)), frame(RST_STREAM, 0, 1, u32(8)), headers(3)], fine, 3],
  ["5.1", "closed by RST_STREAM: DATA", [open(), frame(RST_STREAM, 0, 1, u32(8)), frame(DATA, END_STREAM, 1, "x")], either("STREAM_CLOSED")],
  ["5.1", "closed by RST_STREAM: HEADERS", [open(), frame(RST_STREAM, 0, 1, u32(8)), headers(1)], either("STREAM_CLOSED")],
  ["5.1", "closed by RST_STREAM: CONTINUATION", [open(), frame(RST_STREAM, 0, 1, u32(8)), frame(CONTINUATION, END_HEADERS, 1, block(get()))], either("STREAM_CLOSED", "PROTOCOL_ERROR")],
  ["5.1", "closed: DATA", async (c) => (await ended(c), [frame(DATA, END_STREAM, 1, "x")]), either("STREAM_CLOSED")],
  ["5.1", "closed: HEADERS", async (c) => (await ended(c), [headers(1)]), connection("STREAM_CLOSED")],
  ["5.1", "closed: CONTINUATION", async (c) => (await ended(c), [frame(CONTINUATION, END_HEADERS, 1, block(get()))]), [...connection("STREAM_CLOSED"), ...connection("PROTOCOL_ERROR")]],
  ["5.1", "closed: PRIORITY, WINDOW_UPDATE and RST_STREAM are allowed",
    async (c) => (await ended(c), [frame(PRIORITY, 0, 1, dependency(0)), frame(WINDOW_UPDATE, 0, 1, u32(1)), frame(RST_STREAM, 0, 1, u32(8)), headers(3)]), fine, 3],
  ["5.1.1", "an even stream id", [headers(2)], connection("PROTOCOL_ERROR")],
  ["5.1.1", "a stream id smaller than one before", [headers(5), headers(3)], connection("PROTOCOL_ERROR")],
  ["5.1.2", "more streams than allowed", [settings([4, 0]), ...Array.from({ length: 21 }, (_, i) => headers(uses(i + 1)))], stream("REFUSED_STREAM")],
  ["5.3.1 of RFC 7540", "HEADERS that depend on themselves", [frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY, 1, Buffer.concat([dependency(1), block(get())]))], either("PROTOCOL_ERROR")],
  ["5.3.1 of RFC 7540", "PRIORITY on itself", [frame(PRIORITY, 0, 3, dependency(3))], either("PROTOCOL_ERROR")],
  ["5.3.1 of RFC 7540", "padded HEADERS that depend on themselves",
    [frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY | PADDED, 1, Buffer.concat([Buffer.from([0]), dependency(1), block(get())]))], either("PROTOCOL_ERROR")],
  ["5.5", "an unknown frame within a header block", [frame(HEADERS, END_STREAM, 1, block(get())), frame(0x16, 0, 0, "x")], connection("PROTOCOL_ERROR")],
  ["6.1", "DATA on stream 0", [frame(DATA, END_STREAM, 0, "x")], connection("PROTOCOL_ERROR")],
  ["6.1", "padding as long as the payload", [open(), frame(DATA, END_STREAM | PADDED, 1, Buffer.from([5, 1, 2, 3, 4]))], connection("PROTOCOL_ERROR")],
  ["6.1", "padding is dropped", [headers(1, post("/nothing", [["content-length", "2"]]), END_HEADERS), frame(DATA, END_STREAM | PADDED, 1, Buffer.from([3, 65, 66, 0, 0, 0]))], fine, 1],
  ["6.2", "HEADERS on stream 0", [headers(0)], connection("PROTOCOL_ERROR")],
  ["6.2", "padding of HEADERS as long as the payload", [frame(HEADERS, END_HEADERS | END_STREAM | PADDED, 1, Buffer.concat([Buffer.from([200]), block(get())]))], connection("PROTOCOL_ERROR")],
  ["6.2", "HEADERS with padding and priority", [frame(HEADERS, END_HEADERS | END_STREAM | PADDED | HAS_PRIORITY, 1, Buffer.concat([Buffer.from([2]), dependency(0), block(get()), Buffer.alloc(2)]))], fine, 1],
  ["6.2", "HEADERS too small for their priority", [frame(HEADERS, END_HEADERS | END_STREAM | HAS_PRIORITY, 1, Buffer.from([0, 0]))], [...connection("FRAME_SIZE_ERROR"), ...connection("PROTOCOL_ERROR")]],
  ["6.3", "PRIORITY on stream 0", [frame(PRIORITY, 0, 0, dependency(1))], connection("PROTOCOL_ERROR")],
  ["6.3", "PRIORITY of 4 bytes", [frame(PRIORITY, 0, 1, Buffer.alloc(4))], either("FRAME_SIZE_ERROR")],
  ["6.3", "PRIORITY of every kind", [frame(PRIORITY, 0, 1, dependency(0, 0)), frame(PRIORITY, 0, 3, dependency(1, 255)), frame(PRIORITY, 0, 5, dependency(0x80000001)), headers(1)], fine, 1],
  ["6.4", "RST_STREAM on stream 0", [frame(RST_STREAM, 0, 0, u32(8))], connection("PROTOCOL_ERROR")],
  ["6.4", "RST_STREAM of 3 bytes", [open(), frame(RST_STREAM, 0, 1, Buffer.alloc(3))], connection("FRAME_SIZE_ERROR")],
  ["6.4", "RST_STREAM with an unknown code", [open(), frame(RST_STREAM, 0, 1, u32(0xff)), headers(3)], fine, 3],
  ["6.5", "an acknowledgement with a payload", [frame(SETTINGS, ACK, 0, Buffer.alloc(6))], connection("FRAME_SIZE_ERROR")],
  ["6.5", "SETTINGS on a stream", [frame(SETTINGS, 0, 1, Buffer.alloc(6))], connection("PROTOCOL_ERROR")],
  ["6.5", "SETTINGS of 5 bytes", [frame(SETTINGS, 0, 0, Buffer.alloc(5))], connection("FRAME_SIZE_ERROR")],
  ["6.5.2", "ENABLE_PUSH of 2", [settings([2, 2])], connection("PROTOCOL_ERROR")],
  ["6.5.2", "INITIAL_WINDOW_SIZE above 2^31-1", [settings([4, 0x80000000])], connection("FLOW_CONTROL_ERROR")],
  ["6.5.2", "MAX_FRAME_SIZE below 16384", [settings([5, 16383])], connection("PROTOCOL_ERROR")],
  ["6.5.2", "MAX_FRAME_SIZE above 2^24-1", [settings([5, 16777216])], connection("PROTOCOL_ERROR")],
  ["6.5.2", "an unknown setting is ignored", [settings([0xff, 1]), headers(1)], fine, 1],
  ["6.5.3", "the same setting twice: the last counts", [settings([4, 100], [4, 1]), headers(1)], fine, 1],
  ["6.6", "PUSH_PROMISE", [open(), frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([u32(2), block(get())]))], connection("PROTOCOL_ERROR")],
  ["6.7", "PING on a stream", [frame(PING, 0, 1, Buffer.alloc(8))], connection("PROTOCOL_ERROR")],
  ["6.7", "PING of 6 bytes", [frame(PING, 0, 0, Buffer.alloc(6))], connection("FRAME_SIZE_ERROR")],
  ["6.7", "a PING's acknowledgement that nobody asked for", [frame(PING, ACK, 0, Buffer.alloc(8)), headers(1)], fine, 1],
  ["6.8", "GOAWAY on a stream", [frame(GOAWAY, 0, 1, Buffer.alloc(8))], connection("PROTOCOL_ERROR")],
  ["6.8", "GOAWAY of 4 bytes", [frame(GOAWAY, 0, 0, Buffer.alloc(4))], connection("FRAME_SIZE_ERROR")],
  ["6.9", "WINDOW_UPDATE of 0 on the connection", [frame(WINDOW_UPDATE, 0, 0, u32(0))], connection("PROTOCOL_ERROR")],
  ["6.9", "WINDOW_UPDATE of 0 on a stream", [open(), frame(WINDOW_UPDATE, 0, 1, u32(0))], either("PROTOCOL_ERROR")],
  ["6.9", "WINDOW_UPDATE of 3 bytes", [frame(WINDOW_UPDATE, 0, 0, Buffer.alloc(3))], connection("FRAME_SIZE_ERROR")],
  ["6.9.1", "a connection window above 2^31-1", [frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff)), frame(WINDOW_UPDATE, 0, 0, u32(0x7fffffff))], connection("FLOW_CONTROL_ERROR")],
  ["6.9.1", "a stream's window above 2^31-1", [open(), frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff)), frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff))], either("FLOW_CONTROL_ERROR")],
  ["6.9.1", "a stream's window above 2^31-1 after the answer to an unfinished request",
    [headers(1, get(), END_HEADERS), frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff)), frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff))], either("FLOW_CONTROL_ERROR")],
  ["6.9.2", "SETTINGS that lift a stream's window above 2^31-1", [open(), frame(WINDOW_UPDATE, 0, 1, u32(0x7fffffff - 65535)), settings([4, 65536])], either("FLOW_CONTROL_ERROR")],
  ["6.10", "CONTINUATION after END_HEADERS", [open(), frame(CONTINUATION, END_HEADERS, 1, block([["a", "b"]]))], connection("PROTOCOL_ERROR")],
  ["6.10", "CONTINUATION on stream 0", [frame(HEADERS, END_STREAM, 1, block(get())), frame(CONTINUATION, END_HEADERS, 0, block([["a", "b"]]))], connection("PROTOCOL_ERROR")],
  ["6.10", "CONTINUATION of another stream", [frame(HEADERS, END_STREAM, 1, block(get())), frame(CONTINUATION, END_HEADERS, 3, block([["a", "b"]]))], connection("PROTOCOL_ERROR")],
  ["6.10", "DATA before CONTINUATION", [frame(HEADERS, 0, 1, block(get())), frame(DATA, END_STREAM, 1, "x")], connection("PROTOCOL_ERROR")],
  ["6.10", "several CONTINUATIONs", [frame(HEADERS, END_STREAM, 1, block(get().slice(0, 1))), frame(CONTINUATION, 0, 1, block(get().slice(1, 3))), frame(CONTINUATION, END_HEADERS, 1, block(get().slice(3)))], fine, 1],
  ["7", "GOAWAY with an unknown code changes nothing", [headers(1), frame(GOAWAY, 0, 0, Buffer.concat([u32(0), u32(0xff)]))], fine, 1],
  ["8.1", "a second HEADERS without END_STREAM", [open(), headers(1, [["x-trailer", "1"]], END_HEADERS)], either("PROTOCOL_ERROR")],
  ["8.1", "trailers are accepted", [headers(1, post("/nothing"), END_HEADERS), frame(DATA, 0, 1, "{}"), headers(1, [["x-trailer", "1"]])], fine, 1],
  ["8.1", "a pseudo-header among trailers", [open(), frame(DATA, 0, 1, "{}"), headers(1, [[":method", "GET"]])], either("PROTOCOL_ERROR")],
  ["8.2.1", "an upper-case name", [headers(1, get("/health", [["X-Test", "1"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "CR in a value", [headers(1, get("/health", [["x-test", "a\rb"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "LF in a value", [headers(1, get("/health", [["x-test", "a\nb"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "NUL in a value", [headers(1, get("/health", [["x-test", "a\0b"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "white space around a value", [headers(1, get("/health", [["x-test", " a"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "a colon in a name", [headers(1, get("/health", [["x:y", "a"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "a space in a name", [headers(1, get("/health", [["x y", "a"]]))], either("PROTOCOL_ERROR")],
  ["8.2.1", "an empty name", [headers(1, get("/health", [["", "a"]]))], either("PROTOCOL_ERROR")],
  ...["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map((name) =>
    ["8.2.2", `the field ${name}`, [headers(1, get("/health", [[name, "x"]]))], either("PROTOCOL_ERROR")]),
  ["8.2.2", "TE other than trailers", [headers(1, get("/health", [["te", "gzip"]]))], either("PROTOCOL_ERROR")],
  ["8.2.2", "TE: trailers is accepted", [headers(1, get("/health", [["te", "trailers"]]))], fine, 1],
  ["8.3", "an unknown pseudo-header", [headers(1, [...get(), [":test", "ok"]])], either("PROTOCOL_ERROR")],
  ["8.3", "a pseudo-header of answers", [headers(1, [...get(), [":status", "200"]])], either("PROTOCOL_ERROR")],
  ["8.3", "a pseudo-header after a field", [headers(1, [["x-test", "1"], ...get()])], either("PROTOCOL_ERROR")],
  ...[":method", ":scheme", ":path"].flatMap((name) => [
    ["8.3.1", `${name} missing`, [headers(1, without(name))], either("PROTOCOL_ERROR")],
    ["8.3.1", `${name} twice`, [headers(1, [...get(), get().find(([key]) => key === name)])], either("PROTOCOL_ERROR")],
    ["8.3.1", `${name} empty`, [headers(1, [...without(name), [name, ""]])], either("PROTOCOL_ERROR")],
  ]),
  ["8.3.1", "an empty authority", [headers(1, [...without(":authority"), [":authority", ""]])], either("PROTOCOL_ERROR")],
  ["8.3.1", "an authority with user information", [headers(1, [...without(":authority"), [":authority", "u@localhost"]])], either("PROTOCOL_ERROR")],
  ["8.3.1", "a path without slash", [headers(1, get("health"))], either("PROTOCOL_ERROR")],
  ["8.3.1", "an asterisk with GET", [headers(1, get("*"))], either("PROTOCOL_ERROR")],
  ["8.3.1", "Host and :authority that differ", [headers(1, get("/health", [["host", "elsewhere"]]))], either("PROTOCOL_ERROR")],
  ["8.3.1", "Host and :authority that agree", [headers(1, get("/health", [["host", "LOCALHOST"]]))], fine, 1],
  ["8.3.1", "Host instead of :authority", [headers(1, [...without(":authority"), ["host", "localhost"]])], fine, 1],
  ["8.3.1", "two Hosts", [headers(1, get("/health", [["host", "localhost"], ["host", "localhost"]]))], either("PROTOCOL_ERROR")],
  ["8.1.1", "more data than content-length", [headers(1, post("/v1/chat/completions", [["content-length", "1"]]), END_HEADERS), frame(DATA, END_STREAM, 1, "{}")], either("PROTOCOL_ERROR")],
  ["8.1.1", "less data than content-length, in two frames", [headers(1, post("/v1/chat/completions", [["content-length", "9"]]), END_HEADERS), frame(DATA, 0, 1, "{"), frame(DATA, END_STREAM, 1, "}")], either("PROTOCOL_ERROR")],
  ["8.1.1", "a content-length without data", [headers(1, post("/v1/chat/completions", [["content-length", "9"]]))], either("PROTOCOL_ERROR")],
  ["8.1.1", "a wrong content-length of a request that was answered before its end", [headers(1, get("/health", [["content-length", "1"]]), END_HEADERS), frame(DATA, END_STREAM, 1, "1234")], [...either("PROTOCOL_ERROR"), "HEADERS"], 1],
  ["8.1.1", "two content-lengths", [headers(1, post("/v1/chat/completions", [["content-length", "2"], ["content-length", "2"]]), END_HEADERS)], either("PROTOCOL_ERROR")],
  ["8.1.1", "a content-length that is no number", [headers(1, post("/v1/chat/completions", [["content-length", "+2"]]), END_HEADERS)], either("PROTOCOL_ERROR")],
  ["2.3.3 of RFC 7541", "an index beyond the tables", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.from([0xff, 0x50]))], connection("COMPRESSION_ERROR")],
  ["4.2 of RFC 7541", "a table size at the end of a block", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(get()), Buffer.from([0x20])]))], connection("COMPRESSION_ERROR")],
  ["5.1 of RFC 7541", "an integer without end", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.from([0x7f, ...Array(12).fill(0xff)]))], connection("COMPRESSION_ERROR")],
  ["5.2 of RFC 7541", "Huffman padding of 8 bits", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(get()), Buffer.from([0x00, 0x01, 0x78, 0x82, 0x1f, 0xff])]))], connection("COMPRESSION_ERROR")],
  ["5.2 of RFC 7541", "Huffman padding of zeros", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(get()), Buffer.from([0x00, 0x01, 0x78, 0x81, 0x18])]))], connection("COMPRESSION_ERROR")],
  ["5.2 of RFC 7541", "Huffman EOS", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(get()), Buffer.from([0x00, 0x01, 0x78, 0x84, 0xff, 0xff, 0xff, 0xff])]))], connection("COMPRESSION_ERROR")],
  ["6.1 of RFC 7541", "index 0", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.from([0x80]))], connection("COMPRESSION_ERROR")],
  ["6.3 of RFC 7541", "a table size above SETTINGS_HEADER_TABLE_SIZE", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([Buffer.from([0x3f, 0xe2, 0x1f]), block(get())]))], connection("COMPRESSION_ERROR")],
  ["6.2 of RFC 7541", "literals of every form, in Huffman's code and plain (examples C.2.1, C.2.2, C.2.3 and C.4.1)",
    [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.from(`828684418cf1e3c2e5f23a6ba0ab90f4ff${"400a637573746f6d2d6b65790d637573746f6d2d686561646572"}${"100870617373776f726406736563726574"}`, "hex"))], fine, 1],
  ["6.2 of RFC 7541", "a literal whose name is an index beyond the tables", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(get()), Buffer.from([0x7f, 0x50, 1, 0x61])]))], connection("COMPRESSION_ERROR")],
  ["6.3 of RFC 7541", "several table sizes at the begin of a block", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), block(get())]))], fine, 1],
  ["6.3 of RFC 7541", "a table size within it", [frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([Buffer.from([0x20]), block(get())]))], fine, 1],
];

for (const [door, enter] of Object.entries(doors)) describe(`a frame ${door}`, () => {
  for (const [section, what, frames, verdicts, on] of kCases) {
    test(`${section}: ${what}`, async () => {
      const client = await enter();
      client.send(...(typeof frames === "function" ? await frames(client) : frames));
      const verdict = await client.verdict(on);
      assert.ok(verdicts.includes(verdict), `${verdict}; so far: ${client.frames.join(", ")}`);
      if (verdict.startsWith("GOAWAY")) assert.equal(await client.next(undefined, "the end of the connection"), null);
      else if (verdict.endsWith("FLOW_CONTROL_ERROR")) assert.equal((await client.next((f) => f.type === GOAWAY))?.error, "FLOW_CONTROL_ERROR");
      else if (verdict !== "closed" && section !== "7") assert.ok(await client.alive(), "the connection lives on");
      client.close();
    });
  }

  for (const [what, bytes] of [["nothing but SETTINGS", settings()], ["a wrong line", "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n"],
    ["something else", "INVALID CONNECTION PREFACE\r\n\r\n"], ["a preface and no SETTINGS", Buffer.concat([kPreface, headers(1)])]]) {
    test(`3.4: ${what} instead of the preface ends the connection`, async () => {
      const client = await enter({ raw: true });
      client.send(bytes);
      await client.inbox.rest();
      assert.ok(client.inbox.ended);
      client.close();
    });
  }

  test("5.1.2: the place of a stream that has ended is free again; those that were refused take none", async () => {
    const client = await enter({ own: settings([4, 0]) });
    const refused = async (id) => assert.equal((await client.next((f) => f.type === RST_STREAM && f.stream === id, `the refusal of ${id}`)).error, "REFUSED_STREAM");
    client.send(...Array.from({ length: 25 }, (_, i) => headers(uses(i + 1))));
    for (let i = 21; i <= 25; ++i) await refused(uses(i));
    client.send(frame(RST_STREAM, 0, 1, u32(8)), headers(101), headers(103));
    await refused(103);
    client.send(frame(WINDOW_UPDATE, 0, 101, u32(1000)));
    assert.ok((await client.next((f) => f.type === DATA && f.stream === 101, "the answer")).flags & END_STREAM);
    client.close();
  });

  test("6.9.1: nothing is sent beyond the client's window, and all of it once the window opens", async () => {
    const client = await enter({ own: settings([4, 3]) });
    client.send(headers(1));
    const first = await client.next((f) => f.type === DATA);
    assert.equal(first.payload.length, 3);
    client.send(settings([4, 2]), frame(WINDOW_UPDATE, 0, 1, u32(2)));
    assert.equal((await client.next((f) => f.type === DATA)).payload.length, 1, "a window may be negative (6.9.2)");
    client.send(frame(WINDOW_UPDATE, 0, 1, u32(1000)));
    assert.ok((await client.next((f) => f.type === DATA)).flags & END_STREAM);
    client.close();
  });

  const refused = [
    ["an oversized head", get("/health", [["x-large", "x".repeat(20_000)]]), "431"],
    ["too many fields", get("/health", Array.from({ length: 200 }, (_, i) => [`x-${i}`, "1"])), "431"],
    ["CONNECT", [[":method", "CONNECT"], [":authority", "localhost:80"]], "400"],
    ["an expectation that is not known", get("/health", [["expect", "magic"]]), "417"],
    ["a target that must be percent-encoded", get("/he|lth"), "400"],
    ["a foreign scheme", get().map(([name, value]) => [name, name === ":scheme" ? "ftp" : value]), "400"],
  ];
  for (const [what, fields, status] of refused) {
    test(`${what} is answered with ${status}`, async () => {
      const client = await enter();
      const all = block(fields);
      const parts = Math.ceil(all.length / 16000);
      client.send(...Array.from({ length: parts }, (_, i) =>
        frame(i === 0 ? HEADERS : CONTINUATION, (i === 0 ? END_STREAM : 0) | (i === parts - 1 ? END_HEADERS : 0), 1, all.subarray(i * 16000, (i + 1) * 16000))));
      if (parts > 1) { // beyond the block's limit the connection ends
        assert.equal(await client.verdict(1), "GOAWAY ENHANCE_YOUR_CALM");
      } else {
        const body = [];
        const answer = await client.next((f) => f.type === DATA && (body.push(f.payload), f.flags & END_STREAM), "the answer");
        assert.ok(answer, client.frames.join(", "));
        assert.match(Buffer.concat(body).toString(), /"error"/);
      }
      client.close();
      await eventually(() => gateway.lines.find((line) => line.event === "access" && String(line.status) === (parts > 1 ? String(line.status) : status)), status);
    });
  }
});

describe("a flood", () => {
  const kChat = JSON.stringify({ model: "demo-1", stream: true, messages: [{ role: "user", content: "hello" }] });
  const many = (count, make) => Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
  const floods = [
    ["rapid_reset", () => many(2000, (i) => Buffer.concat([headers(uses(i + 1), post(), END_HEADERS), frame(RST_STREAM, 0, uses(i + 1), u32(8))]))],
    ["rapid_reset", () => many(2000, (i) => Buffer.concat([headers(uses(i + 1), post(), END_HEADERS), frame(DATA, END_STREAM, uses(i + 1), kChat), frame(RST_STREAM, 0, uses(i + 1), u32(8))]))],
    ["ping_flood", () => many(20_000, () => frame(PING, 0, 0, Buffer.alloc(8)))],
    ["ping_flood", () => many(20_000, () => frame(PING, ACK, 0, Buffer.alloc(8)))],
    ["settings_flood", () => many(20_000, () => settings([4, 65535]))],
    ["settings_flood", () => many(20_000, () => settings())],
    ["priority_flood", () => many(20_000, (i) => frame(PRIORITY, 0, uses(i + 2), dependency(0)))],
    ["priority_flood", () => many(20_000, () => frame(0xee, 0, 0, "x"))],
    ["priority_flood", () => many(20_000, () => frame(GOAWAY, 0, 0, Buffer.alloc(8)))],
    ["window_update_flood", () => many(20_000, () => frame(WINDOW_UPDATE, 0, 0, u32(1)))],
    ["window_update_flood", () => Buffer.concat([open(), many(20_000, () => frame(WINDOW_UPDATE, 0, 1, u32(1)))])],
    ["reset_flood", () => many(3000, (i) => open(uses(i + 1)))],
    ["reset_flood", () => many(3000, (i) => headers(uses(i + 1), without(":path")))],
    ["reset_flood", () => many(3000, (i) => frame(HEADERS, END_HEADERS, uses(i + 1)))],
    ["empty_frame_flood", () => Buffer.concat([open(), many(20_000, () => frame(DATA, 0, 1))])],
    ["empty_frame_flood", () => Buffer.concat([open(), many(20_000, () => frame(DATA, PADDED, 1, Buffer.alloc(1)))])],
    ["continuation_flood", () => Buffer.concat([frame(HEADERS, END_STREAM, 1, block(get())), many(20_000, () => frame(CONTINUATION, 0, 1))])],
    ["continuation_flood", () => Buffer.concat([frame(HEADERS, END_STREAM, 1, block(get())), many(200, () => frame(CONTINUATION, 0, 1, block([["x", "y".repeat(8000)]])))])],
    ["header_bomb", () => Buffer.concat([frame(HEADERS, END_HEADERS | END_STREAM, 1, Buffer.concat([block(get()), block([["x-bomb", "z".repeat(3900)]], { indexing: true }), Buffer.alloc(12_000, 0xbe)]))])],
  ];
  for (const [kind, bytes] of floods) {
    test(`${kind}: GOAWAY(ENHANCE_YOUR_CALM), counted, and no memory is held`, async () => {
      const before = await gateway.metric("tollgate_attacks_total", { kind });
      const clients = await Promise.all(Array.from({ length: 5 }, () => FrameClient.open(gateway.port)));
      for (const client of clients) client.send(bytes());
      for (const client of clients) {
        const goaway = await client.next((f) => f.type === GOAWAY, "GOAWAY");
        assert.equal(goaway?.error ?? "closed", goaway ? "ENHANCE_YOUR_CALM" : "closed", client.frames.slice(-5).join(", "));
        client.close();
      }
      assert.equal(await gateway.metric("tollgate_attacks_total", { kind }), before + 5);
      await gateway.settled();
      assert.ok(gateway.residentBytes() < megabytes(120), `${gateway.residentBytes()} bytes`);
    });
  }

  for (const [door, enter] of Object.entries(doors)) {
    test(`GOAWAY arrives although its client goes on sending, ${door}`, async () => {
      const client = await enter();
      for (let i = 0; i < 5; ++i) client.send(many(20_000, () => frame(0xee, 0, 0, "x")));
      assert.equal((await client.next((f) => f.type === GOAWAY, "GOAWAY"))?.error, "ENHANCE_YOUR_CALM");
      client.close();
    });
  }

  test("reset_flood: streams that have to be reset, as many as the limit allows at a time", async () => {
    const before = await gateway.metric("tollgate_attacks_total", { kind: "reset_flood" });
    const client = await FrameClient.open(gateway.port);
    let id = 1;
    let goaway = null;
    for (let round = 0; round < 30 && goaway === null; ++round) {
      client.send(...Array.from({ length: 10 }, (_, i) => headers(id + 2 * i, without(":path"))));
      id += 20;
      const last = await client.next((f) => f.type === GOAWAY || (f.type === RST_STREAM && f.stream === id - 2));
      goaway = last?.type === RST_STREAM ? null : (last?.error ?? "closed");
    }
    assert.equal(goaway, "ENHANCE_YOUR_CALM");
    assert.equal(await gateway.metric("tollgate_attacks_total", { kind: "reset_flood" }), before + 1);
    client.close();
  });

  test("a header block that never ends is cut after server.timeouts.header", async () => {
    const client = await FrameClient.open(gateway.port);
    client.send(frame(HEADERS, END_STREAM, 1, block(get())));
    assert.equal(await client.verdict(), "GOAWAY ENHANCE_YOUR_CALM");
    assert.ok(await gateway.metric("tollgate_attacks_total", { kind: "slow_header" }) >= 1);
    client.close();
  });
  test("a client that only says the preface is cut after server.timeouts.header", async () => {
    const client = await FrameClient.open(gateway.port, { raw: true });
    client.send(kPreface);
    await client.inbox.rest();
    assert.ok(client.inbox.ended);
    client.close();
  });
});
