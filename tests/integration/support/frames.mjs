// HTTP/2 by hand: frames are written byte for byte, and those that come back are listed (RFC 9113, RFC 7541).
import net from "node:net";
import tls from "node:tls";
import { within } from "./bounded.mjs";
import { Inbox } from "./http.mjs";

export const kPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;
export const END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8, HAS_PRIORITY = 32;
const kTypes = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"];
export const kErrors = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
  "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"];

export const u32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};
/// One frame; `length` lies about the payload where it is given.
export function frame(type, flags, stream, payload = Buffer.alloc(0), length = payload.length) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}
/// SETTINGS from [id, value] pairs.
export const settings = (...pairs) => frame(SETTINGS, 0, 0, Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)]))));

function integer(value, prefix, first) {
  const most = (1 << prefix) - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  for (value -= most; value >= 128; value >>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}
const text = (string) => Buffer.concat([integer(Buffer.byteLength(string, "latin1"), 7, 0), Buffer.from(string, "latin1")]);
/// A header block of literals without indexing; `indexing`: with.
export const block = (fields, { indexing = false } = {}) =>
  Buffer.concat(fields.map(([name, value]) => Buffer.concat([Buffer.from([indexing ? 0x40 : 0]), text(name), text(value)])));

export const get = (path = "/health", more = []) => [[":method", "GET"], [":scheme", "http"], [":path", path], [":authority", "localhost"], ...more];
export const post = (path = "/v1/chat/completions", more = []) => [[":method", "POST"], ...get(path).slice(1), ["content-type", "application/json"], ...more];
/// HEADERS with END_HEADERS, and END_STREAM unless told otherwise.
export const headers = (stream, fields = get(), flags = END_STREAM | END_HEADERS) => frame(HEADERS, flags, stream, block(fields));

export class FrameClient {
  /// Connects; sends preface and SETTINGS, and takes the server's, unless `raw`.  `secure`: options of TLS.
  static async open(port, { raw = false, own = settings(), secure = null } = {}) {
    const to = { port, host: "127.0.0.1" };
    const client = new FrameClient(secure ? tls.connect({ ...to, ALPNProtocols: ["h2"], ...secure }) : net.connect(to));
    await within(new Promise((resolve, reject) => client.socket.once(secure ? "secureConnect" : "connect", resolve).once("error", reject)), "a connection");
    if (!raw) {
      client.send(kPreface, own);
      await client.next((f) => f.type === SETTINGS && !(f.flags & ACK), "the server's SETTINGS");
      client.send(frame(SETTINGS, ACK, 0));
      await client.next((f) => f.type === SETTINGS && f.flags & ACK, "the server's acknowledgement");
    }
    return client;
  }
  frames = []; // all that came, described
  closed = false;
  constructor(socket) {
    this.socket = socket;
    this.inbox = new Inbox(socket);
  }
  send(...frames) {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(frames.map((f) => Buffer.from(f))));
  }
  async #read() {
    const head = await this.inbox.exactly(9, "a frame");
    if (head === null) return null;
    const payload = await this.inbox.exactly(head.readUIntBE(0, 3), "a frame's payload");
    if (payload === null) return null;
    const one = { type: head[3], flags: head[4], stream: head.readUInt32BE(5) & 0x7fffffff, payload: Buffer.from(payload) };
    if (one.type === RST_STREAM) one.error = kErrors[payload.readUInt32BE(0)];
    if (one.type === GOAWAY) one.error = kErrors[payload.readUInt32BE(4)];
    this.frames.push(`${kTypes[one.type]}[${one.stream}]${one.error ? ` ${one.error}` : ""}`);
    return one;
  }
  /// The next frame that `test` accepts; null when the connection ends first.
  async next(test = () => true, what = "a frame") {
    for (;;) {
      let one;
      try {
        one = await this.#read();
      } catch (error) {
        throw new Error(`${error.message}: ${what}; so far: ${this.frames.join(", ")}`);
      }
      if (one === null) {
        this.closed = true;
        return null;
      }
      if (test(one)) return one;
    }
  }
  /// "GOAWAY X", "RST_STREAM X", "HEADERS" of a stream, or "closed": what comes first.
  async verdict(stream) {
    const one = await this.next((f) => (f.type === GOAWAY && f.error !== "NO_ERROR") || (f.type === RST_STREAM && f.error !== "NO_ERROR") ||
      (stream !== undefined && f.type === HEADERS && f.stream === stream), "a verdict");
    if (one === null) return "closed";
    return one.type === HEADERS ? "HEADERS" : `${one.type === GOAWAY ? "GOAWAY" : "RST_STREAM"} ${one.error}`;
  }
  /// The server still answers: a PING comes back.
  async alive() {
    this.send(frame(PING, 0, 0, Buffer.from("tollgate")));
    return (await this.next((f) => f.type === PING && f.flags & ACK, "a PING's answer")) !== null;
  }
  close() {
    this.socket.destroy();
  }
}
