// The smallest HTTP CONNECT and SOCKS5 proxies.  They resolve every name to loopback, and record what they were asked.
import net from "node:net";
import tls from "node:tls";
import { Inbox, parseHead } from "./http.mjs";

class Proxy {
  static async start(t, options = {}) {
    const proxy = new this();
    proxy.options = options;
    const sockets = new Set();
    const serve = (socket) => {
      proxy.serve(socket, new Inbox(socket)).catch(() => socket.destroy());
    };
    const server = options.secure ? tls.createServer(options.secure, serve) : net.createServer(serve);
    const track = (socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    };
    server.on("connection", track);
    if (options.secure) server.on("secureConnection", (socket) => socket.on("error", () => {})).on("tlsClientError", () => {});
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    proxy.port = server.address().port;
    t.after(() => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
    });
    return proxy;
  }
  asked = [];

  /// Joins the two, with what the client has sent already.
  async join(socket, inbox, port, announce) {
    const target = net.connect(port, "127.0.0.1");
    target.on("error", () => socket.destroy());
    await new Promise((resolve) => target.once("connect", resolve));
    socket.on("close", () => target.destroy());
    target.on("close", () => socket.destroy());
    socket.write(announce);
    target.write(inbox.take(inbox.bytes.length));
    socket.removeAllListeners("data");
    socket.pipe(target).pipe(socket);
  }
}

/// options: user and password that are wanted; refuse: bytes sent in place of an answer; silent.
export class ConnectProxy extends Proxy {
  async serve(socket, inbox) {
    const head = parseHead(await inbox.until("\r\n\r\n", "CONNECT"));
    const [method, authority] = head.line.split(" ");
    this.asked.push({ method, authority, headers: head.headers });
    const { user, password, refuse, silent } = this.options;
    if (silent) return;
    if (refuse) return void socket.end(refuse);
    if (user && head.headers["proxy-authorization"] !== `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`) {
      return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n");
    }
    await this.join(socket, inbox, Number(authority.split(":").at(-1)), "HTTP/1.1 200 Connection established\r\nvia: test\r\n\r\n");
  }
}

/// options: user and password that are wanted; reply: the code of a refusal; noise: bytes in place of any answer.
export class SocksProxy extends Proxy {
  async serve(socket, inbox) {
    const [, count] = await inbox.exactly(2);
    const methods = [...(await inbox.exactly(count))];
    const { user, password, reply = 0, noise } = this.options;
    if (noise) return void socket.end(noise);
    const method = user ? 2 : 0;
    if (!methods.includes(method)) return void socket.end(Buffer.from([5, 0xff]));
    socket.write(Buffer.from([5, method]));
    let login = null;
    if (method === 2) {
      const [, userSize] = await inbox.exactly(2);
      const name = String(await inbox.exactly(userSize));
      const [passwordSize] = await inbox.exactly(1);
      login = [name, String(await inbox.exactly(passwordSize))];
      const good = login[0] === user && login[1] === password;
      socket.write(Buffer.from([1, good ? 0 : 1]));
      if (!good) return void socket.end();
    }
    const [, command, , type] = await inbox.exactly(4);
    const host = type === 3 ? String(await inbox.exactly((await inbox.exactly(1))[0])) : [...(await inbox.exactly(type === 1 ? 4 : 16))].join(".");
    const port = (await inbox.exactly(2)).readUInt16BE();
    this.asked.push({ command, type, host, port, login });
    const answer = Buffer.from([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
    if (reply !== 0) return void socket.end(answer);
    await this.join(socket, inbox, port, answer);
  }
}
