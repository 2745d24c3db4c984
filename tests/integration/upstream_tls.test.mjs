// What goes wrong with TLS towards vendors is told so that somebody can mend it, early where it can be known early.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { eventually } from "./support/bounded.mjs";
import { Authority } from "./support/certificates.mjs";
import { Gateway, compat, run } from "./support/gateway.mjs";
import { closedPort, FakeUpstream, wellBehaved } from "./support/upstream.mjs";

const authority = new Authority({ after });
const names = "DNS:localhost,IP:127.0.0.1";
const good = authority.issue("good", names);
const trusted = { ca_file: authority.caFile };
const single = { server: { threads: 1 }, failover: { retries: 0, breaker: { errors: 0 } } };
const at = (upstream) => ({ url: `https://localhost:${upstream.port}` });
const own = ({ certFile, keyFile }) => ({ client_cert: certFile, client_key: keyFile });

/// What a client is told when the vendor at `secure` is called with the provider's `tls`.
async function told(t, secure, tls, options = {}) {
  const upstream = await FakeUpstream.start(t, wellBehaved, { secure, ...options });
  const gateway = await Gateway.start(t, { ...single, providers: { up: compat(at(upstream), { tls }) } });
  const response = await gateway.chat({ model: "up/m" });
  assert.ok(response.status >= 502, response.text);
  assert.equal(upstream.requests.length, 0, "nothing was told to whom we do not trust, or who does not trust us");
  return response.json().error.message;
}

describe("the message names the reason:", () => {
  const bad = {
    "a certificate that has expired, and when": [authority.issue("expired", names, { expired: true }), trusted, /certificate has expired \(it was valid until \d{4}-\d\d-\d\d .*\)/],
    "one for other names, and which": [authority.issue("names", "DNS:a.example,DNS:*.b.example,IP:10.0.0.1"), trusted, /hostname mismatch \(it is for a\.example, \*\.b\.example, 10\.0\.0\.1\)/i],
    "one for no name at all": [authority.issue("nameless", "email:a@example.com"), trusted, /hostname mismatch \(it is for no name at all\)/i],
    "one signed by itself": [authority.issue("self", names, { selfSigned: true }), trusted, /self.signed certificate \(its issuer CN=self is not trusted; tls\.ca_file/],
    "one of an unknown authority, and whose": [good, {}, /\(its issuer CN=Test CA is not trusted; tls\.ca_file/],
  };
  for (const [name, [secure, tls, says]] of Object.entries(bad)) {
    test(name, async (t) => assert.match(await told(t, secure, tls), says));
  }

  test("no version in common", async (t) => {
    const old = { ...good, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" };
    assert.match(await told(t, old, trusted), /no TLS version in common: 1\.2 and 1\.3 were offered/);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`${version}: a client certificate that is wanted, and one that is refused`, async (t) => {
      const secure = { ...good, ca: authority.ca, requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version };
      assert.match(await told(t, secure, trusted), /wants a client certificate \(tls\.client_cert\)/);
    });
    // Node ends the connection without saying why; OpenSSL's server sends the alert.
    test(`${version}: a client certificate that is refused`, async (t) => {
      const port = await closedPort();
      const vendor = spawn("openssl", ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", good.certFile, "-key", good.keyFile, "-CAfile", authority.caFile,
        "-Verify", "1", "-verify_return_error", "-quiet", version === "TLSv1.2" ? "-tls1_2" : "-tls1_3"], { stdio: "ignore" });
      t.after(() => vendor.kill("SIGKILL"));
      const stranger = authority.issue("stranger", "DNS:gateway", { usage: "clientAuth", selfSigned: true });
      const gateway = await Gateway.start(t, { ...single, providers: { up: compat(at({ port }), { tls: { ...trusted, ...own(stranger) } }) } });
      let message = "";
      await eventually(async () => {
        message = (await gateway.chat({ model: "up/m" })).json().error.message;
        return !message.includes("refused: Connection refused") && !message.includes("cannot connect");
      }, "the vendor to listen");
      assert.match(message, /refused the client certificate|the connection was lost/);
      if (version === "TLSv1.2") assert.match(message, /refused the client certificate \(tls\.client_cert\)/);
    });
  }

  test("a handshake that is cut, and a vendor that does not speak TLS", async (t) => {
    const cut = (socket) => (socket.once("data", () => socket.destroy()), true);
    assert.match(await told(t, undefined, trusted, { onConnect: cut }), /closed the connection|reset by peer/);
    const plain = (socket) => (socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")), true);
    assert.match(await told(t, undefined, trusted, { onConnect: plain }), /does not speak TLS/);
  });
});

describe("files", () => {
  test("are tried by `tollgate check`, which names the file and the place", async (t) => {
    const path = (name, text) => {
      const file = join(authority.dir, name);
      writeFileSync(file, text);
      return file;
    };
    const nonsense = path("nonsense.pem", "nonsense");
    const encrypted = join(authority.dir, "encrypted.key");
    execFileSync("openssl", ["pkey", "-in", good.keyFile, "-aes256", "-passout", "pass:secret", "-out", encrypted]);
    const other = authority.issue("other", names);
    const cases = [
      [{ ca_file: "/nowhere.pem" }, "tls.ca_file /nowhere.pem: it cannot be opened"],
      [{ ca_file: nonsense }, `tls.ca_file ${nonsense}: holds nothing in PEM form`],
      [{ client_cert: nonsense, client_key: good.keyFile }, `tls.client_cert ${nonsense}: holds nothing in PEM form`],
      [{ client_cert: good.certFile, client_key: "/nowhere.key" }, "tls.client_key /nowhere.key: it cannot be opened"],
      [{ client_cert: good.certFile, client_key: encrypted }, `tls.client_key ${encrypted}: is encrypted`],
      [{ client_cert: good.certFile, client_key: other.keyFile }, `tls.client_key ${other.keyFile}: does not belong to tls.client_cert`],
    ];
    for (const [tls, expected] of cases) {
      const provider = compat({ url: "https://localhost:1" }, { tls });
      const config = path("check.yaml", `providers:\n  up: ${JSON.stringify(provider)}\n`);
      const { code, stdout } = await run(["check", "-c", config]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /^error: \S*check\.yaml:2:\d+: providers\.up\.tls: /);
      assert.ok(stdout.includes(expected), `${expected}: ${stdout}`);
    }
  });

  test("that have changed are used after a reload; a bad one is refused and the old stays", async (t) => {
    const stranger = new Authority(t);
    const live = join(stranger.dir, "live.pem");
    copyFileSync(stranger.caFile, live);
    const upstream = await FakeUpstream.start(t, wellBehaved, { secure: good });
    const gateway = await Gateway.start(t, { ...single, providers: { up: compat(at(upstream), { tls: { ca_file: live } }) } });
    const reload = async (event) => {
      const before = gateway.lines.length;
      gateway.signal("SIGHUP");
      return gateway.logged((line) => line.event === event, event, before);
    };
    assert.equal((await gateway.chat({ model: "up/m" })).status, 502);
    copyFileSync(authority.caFile, live);
    await reload("configuration reloaded");
    await eventually(async () => (await gateway.chat({ model: "up/m" })).status === 200, "the new authority to count");
    writeFileSync(live, "nonsense");
    assert.match((await reload("configuration rejected, the running one stays")).problem, /tls\.ca_file .*live\.pem/);
    assert.equal((await gateway.chat({ model: "up/m" })).status, 200);
  });
});
