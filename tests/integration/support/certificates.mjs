// A certificate authority for one test file, made by the openssl command.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class Authority {
  constructor(t) {
    this.dir = mkdtempSync(join(tmpdir(), "tollgate-ca-"));
    t.after(() => rmSync(this.dir, { recursive: true }));
    this.caFile = this.#at("ca.pem");
    this.#openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=Test CA",
      "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign", "-keyout", this.#at("ca.key"), "-out", this.caFile);
    this.ca = readFileSync(this.caFile);
  }
  #at(name) {
    return join(this.dir, name);
  }
  #openssl(...args) {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  }
  /// {key, cert, keyFile, certFile}.  names: as in subjectAltName, e.g. "DNS:localhost,IP:127.0.0.1".
  issue(name, names, { selfSigned = false, expired = false, usage = "serverAuth", subject = `/CN=${name}` } = {}) {
    const [keyFile, certFile, request, extensions] = ["key", "pem", "csr", "ext"].map((ending) => this.#at(`${name}.${ending}`));
    writeFileSync(extensions, `subjectAltName=${names}\nextendedKeyUsage=${usage}\nbasicConstraints=CA:FALSE\n`);
    this.#openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", keyFile, "-out", request);
    const signer = selfSigned ? ["-signkey", keyFile] : ["-CA", this.caFile, "-CAkey", this.#at("ca.key"), "-CAcreateserial"];
    this.#openssl("x509", "-req", "-in", request, ...signer, "-days", expired ? "-1" : "30", "-extfile", extensions, "-out", certFile);
    return { keyFile, certFile, key: readFileSync(keyFile), cert: readFileSync(certFile) };
  }
}
