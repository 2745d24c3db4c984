// A vendor to order: a socket server that answers with exactly the bytes, pauses and resets that a test asks for.
import net from "node:net";
import tls from "node:tls";
import { deferred, eventually, within } from "./bounded.mjs";
import { Inbox, parseHead } from "./http.mjs";

/// One request that arrived, and the hand that answers it.
class Incoming {
  constructor(connection, head, body) {
    this.connection = connection;
    this.socket = connection.socket;
    const [method, target, version] = head.line.split(" ");
    Object.assign(this, { method, target, version, headers: head.headers, rawHead: head.raw.toString("latin1"), body });
  }
  get path() {
    return this.target.split("?")[0];
  }
  get text() {
    return this.body.toString("utf8");
  }
  get json() {
    return JSON.parse(this.text);
  }
  /// Resolves with the time at which the gateway closed this connection.
  get closed() {
    return this.connection.closed;
  }

  /// Bytes as they are.
  write(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, resolve));
  }
  /// A status line and fields.
  head(status, fields = {}) {
    return this.write(headBytes(status, fields));
  }
  /// A whole answer with Content-Length, in one write.
  reply(status, body, fields = {}) {
    const content = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const all = { "content-type": "application/json", "content-length": content.length, ...fields };
    return this.write(Buffer.concat([headBytes(status, all), content]));
  }
  /// The head of a chunked event stream.
  stream(fields = {}) {
    return this.head(200, { "content-type": "text/event-stream", "transfer-encoding": "chunked", ...fields });
  }
  chunk(bytes) {
    return this.write(chunkBytes(bytes));
  }
  lastChunk() {
    return this.write("0\r\n\r\n");
  }
  /// FIN.
  end() {
    this.socket.end();
  }
  /// RST.
  reset() {
    this.socket.resetAndDestroy();
  }
}

export function headBytes(status, fields = {}) {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${status} X\r\n${lines.join("")}\r\n`, "latin1");
}
export function chunkBytes(bytes) {
  const content = Buffer.from(bytes);
  return Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from("\r\n")]);
}

export class FakeUpstream {
  /// `answer(incoming, upstream)` is called for each request.  Options: `secure` (TLS options), `onConnect(socket)`
  /// called for each connection before anything is read (return true: hands off).
  static async start(t, answer, { secure = null, onConnect = null } = {}) {
    const upstream = new FakeUpstream(answer, secure, onConnect);
    t.after(() => upstream.close());
    await upstream.#listen();
    return upstream;
  }

  requests = [];
  connections = 0;
  resumed = 0; // TLS sessions that were resumed
  #sockets = new Set();
  #server;

  constructor(answer, secure, onConnect) {
    this.answer = answer;
    const accept = (socket) => {
      if (onConnect?.(socket) !== true) this.#serve(socket);
    };
    const track = (socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
      socket.setNoDelay(true);
    };
    this.scheme = secure ? "https" : "http";
    this.#server = secure
      ? tls.createServer(secure, (socket) => {
          socket.on("error", () => {});
          if (socket.isSessionReused()) this.resumed += 1;
          accept(socket);
        }).on("connection", track).on("tlsClientError", () => {})
      : net.createServer({ allowHalfOpen: true }, (socket) => {
          track(socket);
          accept(socket);
        });
  }
  async #listen() {
    await new Promise((resolve, reject) => this.#server.on("error", reject).listen(0, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
  }
  get url() {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }
  get open() {
    return this.#sockets.size;
  }

  async #serve(socket) {
    const inbox = new Inbox(socket);
    const gone = deferred();
    for (const event of ["end", "error", "close"]) socket.once(event, () => gone.resolve(performance.now()));
    socket.once("end", () => socket.end()); // the gateway never half-closes
    const connection = { socket, inbox, closed: gone.promise, index: this.connections };
    try {
      for (;;) {
        const raw = await inbox.until("\r\n\r\n", "a request");
        if (raw === null) return;
        const head = parseHead(raw);
        const body = await inbox.exactly(Number(head.headers["content-length"] ?? 0), "a request body");
        if (body === null) return;
        const incoming = new Incoming(connection, head, body);
        this.requests.push(incoming);
        await this.answer(incoming, this);
      }
    } catch (error) {
      if (!socket.destroyed && !/in vain for a request/.test(error.message)) this.failure ??= error;
      socket.destroy();
    }
  }

  /// The n-th request (from 0); waits for it.
  request(n = this.requests.length) {
    return eventually(() => this.requests[n], `upstream request ${n}`);
  }
  get last() {
    return this.requests.at(-1);
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    if (this.failure) throw this.failure;
    return within(closed, "the fake upstream to close");
  }
}

/// A port on which nobody listens.
export async function closedPort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// ---- OpenAI-shaped answers -------------------------------------------------------------------------------------------

export const completion = (content = "Hello.", more = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1700000000,
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  ...more,
});
export const delta = (content, finish = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1700000000,
  model: "m",
  choices: [{ index: 0, delta: content === null ? {} : { content }, finish_reason: finish }],
});
export const usageChunk = () => ({ ...delta(null), choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });
export const event = (data) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
/// A whole good stream of these texts.
export const streamText = (texts = ["Hel", "lo."], { usage = false } = {}) =>
  [...texts.map((text) => delta(text)), delta(null, "stop"), ...(usage ? [usageChunk()] : []), "[DONE]"].map(event).join("");

/// Answers well whatever is asked: whole or streamed, with usage where it is asked for.
export async function wellBehaved(incoming) {
  const { stream = false, stream_options: options } = incoming.json;
  if (!stream) return incoming.reply(200, completion());
  await incoming.stream();
  await incoming.chunk(streamText(undefined, { usage: options?.include_usage === true }));
  await incoming.lastChunk();
}
