// server.limits.connections_per_peer: one address has so many connections, whatever they speak.
import assert from "node:assert/strict";
import http2 from "node:http2";
import net from "node:net";
import { after, describe, test } from "node:test";
import tls from "node:tls";
import { deferred, eventually, within } from "./support/bounded.mjs";
import { Authority } from "./support/certificates.mjs";
import { Gateway } from "./support/gateway.mjs";
import { Inbox, requestBytes } from "./support/http.mjs";

const authority = new Authority({ after });
const { certFile, keyFile } = authority.issue("here", "DNS:localhost,IP:127.0.0.1");
const gateway = await Gateway.start({ after }, {
  server: { listen: ["http://127.0.0.1:0", "127.0.0.1:0"], tls: { cert: certFile, key: keyFile }, limits: { connections_per_peer: 3 } },
  providers: { demo: {} },
});

/// A connection from an address that nobody else has, and its ways to speak.  Each answers once whether it is served.
const kDoors = {
  async http1(from) {
    const socket = net.connect({ port: gateway.port, host: "127.0.0.1", localAddress: from });
    const inbox = new Inbox(socket);
    socket.write(requestBytes({ path: "/health" }));
    return { socket, served: (await inbox.until("\r\n", "an answer"))?.toString().startsWith("HTTP/1.1 200") ?? false };
  },
  async http2(from) {
    const socket = net.connect({ port: gateway.port, host: "127.0.0.1", localAddress: from });
    const session = http2.connect("http://localhost", { createConnection: () => socket }).on("error", () => {});
    const served = deferred();
    session.on("close", () => served.resolve(false));
    session.request({ ":path": "/health" }).on("response", () => served.resolve(true)).on("error", () => {}).resume();
    return { socket, served: await within(served.promise, "an answer") };
  },
  async tls(from) {
    const socket = tls.connect({ port: gateway.ports[1], host: "127.0.0.1", localAddress: from, ca: authority.ca, servername: "localhost" });
    const served = deferred();
    socket.on("secureConnect", () => served.resolve(true)).on("error", () => served.resolve(false)).on("close", () => served.resolve(false));
    return { socket, served: await within(served.promise, "a handshake") };
  },
};

describe("an address", () => {
  test("has its number of connections, all protocols together, and gets a place when one ends", async () => {
    const open = [];
    for (const door of Object.values(kDoors)) {
      open.push(await door("127.0.0.2"));
      assert.equal(open.at(-1).served, true);
    }
    for (const door of Object.values(kDoors)) assert.equal((await door("127.0.0.2")).served, false);
    assert.equal(await gateway.metric("tollgate_attacks_total", { kind: "peer_connections" }), 3);
    assert.equal((await kDoors.http1("127.0.0.3")).served, true, "others are not held to account for it");
    for (const { socket } of [...open]) {
      socket.destroy();
      await eventually(async () => {
        const next = await kDoors.http1("127.0.0.2");
        open.push(next);
        return next.served;
      }, "a free place");
    }
    for (const { socket } of open) socket.destroy();
  });
});
