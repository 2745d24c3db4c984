// A vendor that speaks HTTP/2, on Node's own server: TLS with ALPN, or by prior knowledge without TLS.
import http2 from "node:http2";
import { deferred, eventually, within } from "./bounded.mjs";
import { completion, delta, event, streamText } from "./upstream.mjs";

/// One request that arrived, and the hand that answers it.
class Incoming {
  constructor(stream, headers, connection) {
    Object.assign(this, { stream, headers, connection, path: headers[":path"] });
    this.ended = deferred(); // resolves with the code of a reset, 0 for none
    stream.on("close", () => this.ended.resolve(stream.rstCode));
    stream.on("error", () => {});
  }
  /// The whole request body.
  async body() {
    const pieces = [];
    for await (const piece of this.stream) pieces.push(piece);
    return Buffer.concat(pieces);
  }
  async json() {
    return JSON.parse((await this.body()).toString("utf8"));
  }
  reply(status, body, fields = {}) {
    const content = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    this.stream.respond({ ":status": status, "content-type": "application/json", "content-length": content.length, ...fields });
    this.stream.end(content);
  }
  /// The head of an event stream.
  events(fields = {}) {
    this.stream.respond({ ":status": 200, "content-type": "text/event-stream", ...fields });
  }
  write(bytes) {
    return this.stream.write(bytes);
  }
  end(bytes) {
    this.stream.end(bytes);
  }
  reset(code = http2.constants.NGHTTP2_INTERNAL_ERROR) {
    this.stream.close(code);
  }
}

export class Http2Upstream {
  /// `answer(incoming, upstream)` is called for each request.  Options: `secure` (TLS options), `settings`,
  /// `onHttp1(request, response)` for those who choose HTTP/1.1, and further options of Node's server.
  static async start(t, answer, { secure = null, onHttp1 = null, ...options } = {}) {
    const upstream = new Http2Upstream(answer, secure, onHttp1 ? { ...options, allowHTTP1: true } : options);
    if (onHttp1) upstream.#server.on("request", (request, response) => request.httpVersionMajor === 1 && onHttp1(request, response));
    t.after(() => upstream.close());
    await new Promise((resolve) => upstream.#server.listen(0, "127.0.0.1", resolve));
    upstream.port = upstream.#server.address().port;
    return upstream;
  }

  requests = [];
  sessions = []; // in the order of their coming
  pings = 0;
  most = 0; // streams that were open on one connection at a time
  #server;

  constructor(answer, secure, options) {
    this.scheme = secure ? "https" : "http";
    this.#server = secure ? http2.createSecureServer({ ...secure, ...options }) : http2.createServer(options);
    this.#server.on("session", (session) => {
      session.number = this.sessions.length;
      session.streams = 0;
      this.sessions.push(session);
      session.on("error", () => {}).on("ping", () => (this.pings += 1));
      session.socket.on("error", () => {});
    });
    this.#server.on("sessionError", () => {}).on("tlsClientError", () => {});
    this.#server.on("stream", async (stream, headers) => {
      const { session } = stream;
      this.most = Math.max(this.most, ++session.streams);
      stream.on("close", () => --session.streams);
      const incoming = new Incoming(stream, headers, session.number);
      this.requests.push(incoming);
      try {
        await answer(incoming, this);
      } catch (error) {
        if (!stream.destroyed) this.failure ??= error;
        stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
      }
    });
  }
  get url() {
    return `${this.scheme}://127.0.0.1:${this.port}`;
  }
  get open() {
    return this.sessions.filter((session) => !session.closed && !session.destroyed).length;
  }
  /// The n-th request (from 0); waits for it.
  request(n = this.requests.length) {
    return eventually(() => this.requests[n], `upstream request ${n}`);
  }
  close() {
    for (const session of this.sessions) session.destroy();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    if (this.failure) throw this.failure;
    return within(closed, "the HTTP/2 upstream to close");
  }
}

/// Answers well whatever is asked: whole or streamed, with usage where it is asked for.
export async function wellBehaved(incoming) {
  const { stream = false, stream_options: options } = await incoming.json();
  if (!stream) {
    incoming.reply(200, completion());
    return;
  }
  incoming.events();
  incoming.end(streamText(undefined, { usage: options?.include_usage === true }));
}

/// One event of a stream, with that text.
export const say = (text) => event(delta(text));
