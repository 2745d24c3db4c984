// HTTP/1.1 by hand: what is written is written byte for byte, and what comes back is taken apart without mercy.
import net from "node:net";
import tls from "node:tls";
import { deferred, within } from "./bounded.mjs";

/// A growing buffer that can be waited on.  Fed by a socket.
export class Inbox {
  #bytes = Buffer.alloc(0);
  #waiting = null;
  ended = false; // the peer sent FIN
  error = null; // ECONNRESET and the like

  constructor(socket) {
    socket.on("data", (data) => {
      this.#bytes = Buffer.concat([this.#bytes, data]);
      this.#wake();
    });
    socket.on("end", () => ((this.ended = true), this.#wake()));
    socket.on("error", (error) => ((this.error = error), this.#wake()));
    socket.on("close", () => ((this.ended = true), this.#wake()));
  }
  #wake() {
    this.#waiting?.resolve();
    this.#waiting = null;
  }
  get bytes() {
    return this.#bytes;
  }
  /// False when nothing more will come.
  async more(what = "bytes") {
    if (this.ended || this.error) return false;
    this.#waiting ??= deferred();
    const seen = this.#bytes.length;
    await within(this.#waiting.promise, what);
    return this.#bytes.length > seen || (!this.ended && !this.error);
  }
  take(size) {
    const head = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return head;
  }
  /// Up to and with `mark`; null when the peer ends before.
  async until(mark, what) {
    for (;;) {
      const at = this.#bytes.indexOf(mark);
      if (at >= 0) return this.take(at + mark.length);
      if (!(await this.more(what))) return null;
    }
  }
  /// Exactly `size` bytes; null when the peer ends before.
  async exactly(size, what) {
    while (this.#bytes.length < size) if (!(await this.more(what))) return null;
    return this.take(size);
  }
  async rest(what = "the end of the connection") {
    while (await this.more(what));
    return this.take(this.#bytes.length);
  }
}

/// {line, headers (lower-case names; repeated ones joined by ", "), raw}
export function parseHead(raw) {
  const [line, ...fields] = raw.toString("latin1").split("\r\n").filter((text) => text !== "");
  const headers = {};
  for (const field of fields) {
    const colon = field.indexOf(":");
    const name = field.slice(0, colon).toLowerCase();
    const value = field.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { line, headers, raw };
}

/// The body of a message, by its framing: {body, clean}; not clean where the peer ended it early.
async function readBody(inbox, head, hasBody, onBytes) {
  const chunks = [];
  const take = (bytes) => {
    chunks.push(bytes);
    if (bytes.length > 0) onBytes?.(bytes);
  };
  const done = (clean, framing) => ({ body: Buffer.concat(chunks), clean, framing });
  if (!hasBody) return done(true, "none");
  if (/\bchunked\b/i.test(head.headers["transfer-encoding"] ?? "")) {
    for (;;) {
      const size = await inbox.until("\r\n", "a chunk size");
      if (size === null) return done(false, "chunked");
      const length = parseInt(size.toString("latin1"), 16);
      if (!Number.isInteger(length)) throw new Error(`bad chunk size: ${size}`);
      if (length === 0) {
        for (let line; (line = await inbox.until("\r\n", "the last chunk's end")) !== null; ) if (line.length === 2) return done(true, "chunked");
        return done(false, "chunked");
      }
      for (let left = length; left > 0; ) {
        if (inbox.bytes.length === 0 && !(await inbox.more("chunk data"))) return done(false, "chunked");
        const piece = inbox.take(Math.min(left, inbox.bytes.length));
        left -= piece.length;
        take(piece);
      }
      if ((await inbox.exactly(2, "a chunk's end")) === null) return done(false, "chunked");
    }
  }
  if ("content-length" in head.headers) {
    const length = Number(head.headers["content-length"]);
    for (let left = length; left > 0; ) {
      if (inbox.bytes.length === 0 && !(await inbox.more("body bytes"))) return done(false, "length");
      const piece = inbox.take(Math.min(left, inbox.bytes.length));
      left -= piece.length;
      take(piece);
    }
    return done(true, "length");
  }
  take(await inbox.rest());
  return done(inbox.error === null, "close");
}

/// One connection to the gateway.
export class Connection {
  static async open(port, options = {}) {
    const connection = new Connection(port, options);
    await within(connection.connected, "a connection");
    return connection;
  }
  constructor(port, { host = "127.0.0.1", secure = null } = {}) {
    this.socket = secure ? tls.connect({ host, port, ...secure }) : net.connect({ host, port, allowHalfOpen: true });
    this.socket.setNoDelay(true);
    this.inbox = new Inbox(this.socket);
    this.connected = new Promise((resolve, reject) => {
      this.socket.once(secure ? "secureConnect" : "connect", resolve).once("error", reject);
    });
    this.connected.catch(() => {});
    this.#gone = new Promise((resolve) => {
      for (const event of ["end", "error", "close"]) this.socket.once(event, () => resolve(performance.now()));
    });
  }
  #gone;
  /// The time at which the gateway ended this connection; waits for that.
  closed() {
    return within(this.#gone, "the gateway to close the connection");
  }
  /// Writes bytes as they are.
  write(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, resolve));
  }
  end() {
    this.socket.end();
  }
  /// Gone, without a word.
  destroy() {
    this.socket.destroy();
  }
  reset() {
    this.socket.resetAndDestroy();
  }

  /// The next final response: {status, reason, version, headers, body, text, json(), clean, framing, interims, raw}.
  /// null: the connection ended before one began.  `head: true`: it answers a HEAD request.
  async response({ head: toHead = false, onHead, onBytes } = {}) {
    const interims = [];
    for (;;) {
      const raw = await this.inbox.until("\r\n\r\n", "a response head");
      if (raw === null) {
        if (this.inbox.bytes.length > 0) throw new Error(`response head cut short: ${this.inbox.bytes}`);
        return null;
      }
      const head = parseHead(raw);
      const status = /^HTTP\/(1\.[01]) (\d{3}) ?(.*)$/.exec(head.line);
      if (status === null) throw new Error(`not a status line: ${head.line}`);
      if (status[2].startsWith("1")) {
        interims.push(Number(status[2]));
        continue;
      }
      const response = { status: Number(status[2]), reason: status[3], version: status[1], headers: head.headers, raw, interims };
      onHead?.(response);
      const hasBody = !toHead && response.status !== 204 && response.status !== 304;
      Object.assign(response, await readBody(this.inbox, head, hasBody, onBytes));
      response.text = response.body.toString("utf8");
      response.json = () => JSON.parse(response.text);
      return response;
    }
  }
  /// Sends a request and reads its answer; the connection stays open.
  async exchange(options, reading = {}) {
    await this.write(requestBytes(options));
    return within(this.response({ head: options.method === "HEAD", ...reading }), `the answer to ${options.path}`);
  }
}

/// A well-formed request.  Objects become JSON.
export function requestBytes({ method = "GET", path = "/", headers = {}, body } = {}) {
  const fields = { host: "127.0.0.1", ...headers };
  let content = Buffer.alloc(0);
  if (body !== undefined) {
    content = Buffer.isBuffer(body) || typeof body === "string" ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    fields["content-type"] ??= "application/json";
    fields["content-length"] ??= content.length;
  }
  const head = Object.entries(fields).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join("")}\r\n`, "latin1"), content]);
}

/// One request on a connection of its own.
export async function request(port, options = {}, reading = {}) {
  const connection = await Connection.open(port);
  try {
    return await connection.exchange({ ...options, headers: { connection: "close", ...options.headers } }, reading);
  } finally {
    connection.destroy();
  }
}

/// The data of each event of an SSE text.
export function eventData(text) {
  return text
    .split(/\r?\n\r?\n/)
    .map((block) => block.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart()).join("\n"))
    .filter((data) => data !== "");
}
