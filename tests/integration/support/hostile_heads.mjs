// Requests that two programs could read differently, and their harmless neighbours.  Each names the section that decides; where
// the RFC leaves a choice, `expect` is ours.  RFC 9112 unless it says otherwise.
const kBody = JSON.stringify({ model: "demo-1", messages: [{ role: "user", content: "hi" }] });
const kLength = kBody.length;
const kHex = kLength.toString(16);
const kPath = "/v1/chat/completions";
const kHost = "Host: a";
const kJson = "Content-Type: application/json";

const cases = [];
const add = (expect, section, name, bytes) => cases.push({ expect, section, name, bytes: Buffer.from(bytes, "latin1") });
const accept = (...all) => add("accept", ...all);
const refuse = (...all) => add("refuse", ...all);
const lines = (...all) => all.map((line) => `${line}\r\n`).join("");
const get = (fields = [], line = "GET /v1/models HTTP/1.1") => lines(line, kHost, ...fields, "");
const posted = (fields, body = kBody, line = `POST ${kPath} HTTP/1.1`) => lines(line, kHost, kJson, ...fields, "") + body;
const sized = (value, body = kBody) => posted([`Content-Length: ${value}`], body);
const coded = (value, body) => posted([`Transfer-Encoding: ${value}`], body ?? chunked());
const chunked = ({ size = kHex, after = "\r\n", data = kBody, end = "\r\n", last = "0\r\n", trailers = "", final = "\r\n" } = {}) =>
  size + after + data + end + last + trailers + final;
const chunks = (parts) => coded("chunked", chunked(parts));
const shown = (text) => JSON.stringify(text).slice(1, -1);
const kControls = [0, 1, 7, 8, 11, 12, 14, 27, 31, 127].map((code) => String.fromCharCode(code));
const kSeparators = [...'"(),/:;<=>?@[\\]{}'];

// ---- 3: the request line ----
accept("3", "an ordinary line", get());
accept("2.2", "one empty line before it", `\r\n${get()}`);
for (const c of [...kSeparators, ...kControls, "\t", "\x80", "\xff"]) refuse("3.1", `a method with ${shown(c)}`, get([], `G${c}T /v1/models HTTP/1.1`));
for (const line of [
  "", " ", "GET", "GET ", "GET /v1/models", "GET /v1/models ", "GET  /v1/models HTTP/1.1", "GET /v1/models  HTTP/1.1", " GET /v1/models HTTP/1.1", "GET\t/v1/models HTTP/1.1",
  "GET /v1/models\tHTTP/1.1", "GET /v1/models HTTP/1.1 ", "GET /v1/models HTTP/1.1\t", "GET /v1/models HTTP/1.1 x", "GET /v1/models x HTTP/1.1", "GET\x0b/v1/models HTTP/1.1",
  "\x00GET /v1/models HTTP/1.1", "GET /v1/models\x00 HTTP/1.1", "\xef\xbb\xbfGET /v1/models HTTP/1.1",
]) refuse("3", `the line ${shown(line)}`, get([], line));
for (const version of [
  "HTTP/0.9", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/11", "HTTP/1.1.1", "HTTP/01.1", "HTTP/1.01", "HTTP/1,1", "HTTP/1.x", "HTTP/-1.1", "HTTP/+1.1", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9",
  "http/1.1", "Http/1.1", "HTTPS/1.1", "HTTP 1.1", "HTTP/ 1.1", "HTTP/1. 1", "HTTP\\1.1", "ICE/1.0", "RTSP/1.0", "1.1", "HTTP/1.1;", "HTTP/1.1\x00", "HTTP/1.1\x0b",
]) refuse("2.3", `the version ${shown(version)}`, get([], `GET /v1/models ${version}`));
accept("2.3", "HTTP/1.0", get(["Connection: keep-alive"], "GET /v1/models HTTP/1.0"));
for (const target of [
  "*", "v1/models", "?x", "#", "/v1/models#f", "/v1/mo dels", "/v1/\"models\"", "/v1/<models>", "/v1/mo\\dels", "/v1/mo^dels", "/v1/mo`dels", "/v1/{models}", "/v1/mo|dels", "/v1/mod\xe9ls", "/v1/\x7f",
  "a:80", "http://", "http:///v1/models", "http:/v1/models", "https:v1/models", "ftp://a/v1/models", "http://a b/", "http://a\\b/", "http://[::1/", "http://u:p@a/v1/models", "file:///etc/passwd", "//",
].filter((target) => target !== "//")) refuse("3.2", `the target ${shown(target)}`, get([], `GET ${target} HTTP/1.1`));
for (const c of kControls) refuse("3.2", `a target with ${shown(c)}`, get([], `GET /v1/${c}models HTTP/1.1`));
accept("3.2.1", "a query", get([], "GET /v1/models?a=b&c=%20 HTTP/1.1"));
accept("3.2.2", "an absolute target", get([], "GET http://a/v1/models HTTP/1.1"));
refuse("3.2.3", "CONNECT to an authority", get([], "CONNECT a:443 HTTP/1.1"));

// ---- 2.2: the ends of lines ----
refuse("2.2", "LF alone everywhere", get().replaceAll("\r\n", "\n"));
refuse("2.2", "LF alone behind the request line", get().replace("\r\n", "\n"));
refuse("2.2", "LF alone behind a field", lines("GET /v1/models HTTP/1.1") + "Host: a\nX: y\r\n\r\n");
refuse("2.2", "LF alone at the end of the head", lines("GET /v1/models HTTP/1.1", kHost) + "\n");
refuse("2.2", "CR alone everywhere", get().replaceAll("\r\n", "\r") + "\r\n\r\n");
refuse("2.2", "CR alone in a value", get(["X: a\rb"]));
refuse("2.2", "CR alone before the name", get(["\rX: a"]));
refuse("2.2", "CR CR LF", get(["X: a\r"]));
refuse("2.2", "CR alone hides a field", get(["X: a\rContent-Length: 5"]));
refuse("2.2", "LF hides a field", get(["X: a\nTransfer-Encoding: chunked"]));
refuse("2.2", "white space between line and fields", lines("GET /v1/models HTTP/1.1", ` X: y`, kHost, ""));

// ---- 3.2: Host ----
const hosted = (...fields) => lines("GET /v1/models HTTP/1.1", ...fields, "");
refuse("3.2", "no Host", hosted("X: y"));
refuse("3.2", "two equal Hosts", hosted("Host: a", "Host: a"));
refuse("3.2", "two different Hosts", hosted("Host: a", "Host: b"));
refuse("3.2", "a second Host in other case", hosted("Host: a", "hOST: b"));
for (const host of ["a, b", "a b", "a\tb", "a/b", "a/", "a?b", "a#b", "u@a", "u:p@a", "a:b", "a:80:80", "a:-1", "a:80x", ":80", "[::1", "::1]", "[]", "[::1]x", "a\\b", "a\"b", "<a>", "a;b", "a^b", "a|b", "a`b", "{a}", "\xe9", "a\x00", "a\x0b", "a\x7f", "http://a"])
  refuse("3.2", `the Host ${shown(host)}`, hosted(`Host: ${host}`));
for (const host of ["a", "a.example", "a:80", "127.0.0.1", "[::1]", "[::1]:80", "  a  ", "a_b", "A.Example"]) accept("3.2", `the Host ${shown(host)}`, hosted(`Host: ${host}`));

// ---- 5: fields ----
for (const field of ["X : y", "X\t: y", "X :y", " X: y", "\tX: y", "X", "X y", ":", ": y", "", "X\x00: y", "X\x0b: y", "\xe9: y", "\x80x: y"].filter((field) => field !== ""))
  refuse("5.1", `the line ${shown(field)}`, get([field]));
for (const c of kSeparators.filter((one) => one !== ":")) refuse("5.1", `a name with ${shown(c)}`, get([`X${c}Y: z`]));
for (const c of kControls) refuse("RFC 9110 5.5", `a value with ${shown(c)}`, get([`X: a${c}b`]));
for (const fold of ["\r\n ", "\r\n\t", "\r\n  \t "]) {
  refuse("5.2", `a folded value ${shown(fold)}`, get([`X: a${fold}b`]));
  refuse("5.2", `a folded Transfer-Encoding ${shown(fold)}`, posted([`Transfer-Encoding:${fold}chunked`], chunked()));
  refuse("5.2", `a folded Content-Length ${shown(fold)}`, posted([`Content-Length:${fold}${kLength}`]));
  refuse("5.2", `a folded Host ${shown(fold)}`, hosted(`Host:${fold}a`));
}
for (const value of ["", "y", "\ty\t", "y  z", "\xe9", "a,b", "\"q\""]) accept("5", `the value ${shown(value)}`, get([`X: ${value}`]));
refuse("5 (our limit)", "more fields than fit", get(Array.from({ length: 300 }, (_, i) => `X-${i}: y`)));
refuse("5 (our limit)", "a field larger than fits", get([`X: ${"y".repeat(70_000)}`]));

// ---- 6.2, 6.3: Content-Length ----
accept("6.2", "a length", sized(kLength));
accept("6.2", "a length with zeros before it", sized(`000${kLength}`));
accept("6.2", "white space around a length", sized(` \t${kLength} \t`));
for (const value of [
  "", " ", `+${kLength}`, `-${kLength}`, `0x${kHex}`, `${kLength}.0`, `${kLength},`, `,${kLength}`, `${kLength}, ${kLength}`, `${kLength},${kLength + 1}`, `${kLength} ${kLength}`, `${kLength}x`, `x${kLength}`,
  `"${kLength}"`, `${kLength};`, `${kLength}e0`, `1_0`, "١", "９", "18446744073709551616", "18446744073709551615", "9223372036854775808", "99999999999999999999999999", "-1", "-0", "+0", "0x0", "NaN", `${kLength}\x00`, `${kLength}\x0b`, `\x0b${kLength}`, `${kLength}\xa0`, `\xa0${kLength}`,
].map((value) => Buffer.from(value, "utf8").toString("latin1"))) refuse("6.3 rule 5", `the length ${shown(value)}`, sized(value));
refuse("6.3 rule 5", "two equal lengths", posted([`Content-Length: ${kLength}`, `Content-Length: ${kLength}`]));
refuse("6.3 rule 5", "two different lengths", posted([`Content-Length: ${kLength}`, "Content-Length: 0"]));
refuse("6.3 rule 5", "two lengths in other case", posted([`Content-Length: ${kLength}`, "content-length: 5"]));
refuse("5.1", "a length with white space before the colon", posted([`Content-Length : ${kLength}`]));
refuse("5.1", "a tab before the colon of a length", posted([`Content-Length\t: ${kLength}`]));
accept("6.2", "a length of zero on GET", get(["Content-Length: 0"]));
accept("6.2", "a body on GET", get(["Content-Length: 5"]) + "hello");

// ---- 6.1, 6.3: Transfer-Encoding ----
for (const value of ["chunked", "Chunked", "CHUNKED", " chunked", "chunked ", "\tchunked\t"]) accept("6.1", `the coding ${shown(value)}`, coded(value));
for (const value of [
  "", " ", ",", "identity", "gzip", "deflate", "compress", "x-gzip", "gzip, chunked", "deflate, chunked", "chunked, gzip", "chunked, identity", "identity, chunked", "chunked, chunked", "chunked,chunked", ",chunked", "chunked,", ", chunked",
  "xchunked", "chunkedx", "chunke", "hunked", "x chunked", "chunked x", "\"chunked\"", "'chunked'", "(chunked)", "chunked;q=1", "chunked; a=b", "chunked\x00", "\x00chunked", "chunked\x0b", "\x0bchunked", "\x0cchunked", "chunk\xe9d", "chunked\xa0", "\xa0chunked",
  "chunked\x08", "chu nked", "chunked\tx", "Chunked, Chunked", "none", "0", "null", "true", "chunked/1", "chunked:", ":chunked", "=chunked", "[chunked]", "*", "trailers", "trailers, chunked", "chunked\\", "ch\\unked",
]) refuse("6.1", `the coding ${shown(value)}`, coded(value));
refuse("6.3 rule 3", "coding, then length", posted(["Transfer-Encoding: chunked", `Content-Length: ${kLength}`], chunked()));
refuse("6.3 rule 3", "length, then coding", posted([`Content-Length: ${kLength}`, "Transfer-Encoding: chunked"], chunked()));
refuse("6.3 rule 3", "length of the chunks, then coding", posted([`Content-Length: ${chunked().length}`, "Transfer-Encoding: chunked"], chunked()));
refuse("6.3 rule 3", "a length of zero and a coding", posted(["Content-Length: 0", "Transfer-Encoding: chunked"], chunked()));
refuse("6.3 rule 3", "a length and an unknown coding", posted([`Content-Length: ${kLength}`, "Transfer-Encoding: x"]));
refuse("6.1", "two equal codings", posted(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], chunked()));
refuse("6.1", "identity, then chunked in a field of its own", posted(["Transfer-Encoding: identity", "Transfer-Encoding: chunked"], chunked()));
refuse("6.1", "chunked, then identity in a field of its own", posted(["Transfer-Encoding: chunked", "transfer-encoding: identity"], chunked()));
refuse("6.1", "a coding in HTTP/1.0", posted(["Transfer-Encoding: chunked"], chunked(), `POST ${kPath} HTTP/1.0`));
refuse("6.1", "a coding in HTTP/1.0 that keeps alive", posted(["Connection: keep-alive", "Transfer-Encoding: chunked"], chunked(), `POST ${kPath} HTTP/1.0`));
for (const name of ["Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "Transfer Encoding", "Transfer-Encoding\x00", "\x0bTransfer-Encoding", "Transfer-Encoding\r", "Transfer-\nEncoding", "Transfer-Encoding\x0b", "Transfer-Encoding\xa0"])
  refuse("5.1", `the name ${shown(name)}`, posted([`${name}: chunked`], chunked()));
accept("5.1", "Transfer_Encoding, which is another field", posted(["Transfer_Encoding: chunked", `Content-Length: ${kLength}`]));
accept("5.1", "X-Transfer-Encoding, which is another field", posted(["X-Transfer-Encoding: chunked", `Content-Length: ${kLength}`]));

// ---- 7.1: chunks ----
accept("7.1", "a chunk", chunks({}));
accept("7.1", "zeros before a size", chunks({ size: `000${kHex}` }));
accept("7.1", "upper case in a size", chunks({ size: kHex.toUpperCase() }));
accept("7.1", "two chunks", chunks({ size: "1", data: kBody[0], end: `\r\n${(kLength - 1).toString(16)}\r\n${kBody.slice(1)}\r\n` }));
accept("7.1", "several zeros in the last size", chunks({ last: "000\r\n" }));
for (const size of [
  "", " ", "g", "x", "0x" + kHex, "0X" + kHex, "+" + kHex, "-" + kHex, " " + kHex, "\t" + kHex, kHex + " x", kHex + "g", kHex + "h", kHex + ".", kHex + ",", kHex + "_0", `"${kHex}"`, "\x00" + kHex, kHex + "\x00", "\x0b" + kHex, kHex + "\x0b", kHex + "\xa0", "\r\n" + kHex, "\n" + kHex,
  "ffffffffffffffff", "fffffffffffffffff", "10000000000000000" + kHex, "8000000000000000", "7fffffffffffffff" + kHex, "100000000000000000000000000000000" + kHex, "-1", "0x", "#" + kHex, "\u00e9",
]) refuse("7.1", `the size ${shown(size)}`, chunks({ size }));
for (const after of ["\n", "\r", "\r\r\n", "\n\r\n", "\r\n\r\n", "", " \n", "\x00\r\n", "\x0b\r\n", ";\n", ";a\n", ";a\rb\r\n", ";a\x00\r\n", ";a=\x7f\r\n", ";a=\"b\nc\"\r\n"]) refuse("7.1", `${shown(after)} behind a size`, chunks({ after }));
for (const extension of [";a", ";a=b", ";a=\"b\"", ";a=\"b;c\"", ";a=b;c=d"]) accept("7.1.1", `the extension ${shown(extension)}`, chunks({ after: `${extension}\r\n` }));
refuse("7.1.1 (our limit)", "an extension without end", chunks({ after: `;${"a".repeat(100_000)}\r\n` }));
for (const end of ["", "\n", "\r", "\n\n", "\r\r", "\n\r\n", "X\r\n", "XX", " \r\n", "\r\r\n", "\x00\r\n"]) refuse("7.1", `${shown(end)} behind a chunk's data`, chunks({ end }));
refuse("7.1", "a size that is one too small", chunks({ size: (kLength - 1).toString(16) }));
refuse("7.1", "a size that is one too large", chunks({ size: (kLength + 1).toString(16) }));
for (const last of ["0\n", "0\r", "0\r\r\n", "0 x\r\n", "0x0\r\n", "-0\r\n", "+0\r\n", "0\x00\r\n", ".0\r\n", "0\x0b\r\n", "00g\r\n"]) refuse("7.1", `the last chunk ${shown(last)}`, chunks({ last }));
for (const final of ["\n", "\r\r\n", "X\r\n\r\n", " \r\n\r\n", "\x00\r\n\r\n", "\n\r\n"]) refuse("7.1", `${shown(final)} behind the last chunk`, chunks({ final }));
accept("7.1.2", "a trailer", chunks({ trailers: "X: y\r\n" }));
accept("7.1.2", "two trailers", chunks({ trailers: "X: y\r\nZ: \r\n" }));
for (const trailer of ["X : y", "X", ": y", " X: y", "X: y\n", "X: a\rb", "X: a\x00", "X\x00: y", "X: y\r\n z", "X Y: z", "X(: y", "\xe9: y"]) refuse("7.1.2", `the trailer ${shown(trailer)}`, chunks({ trailers: `${trailer}\r\n` }));
refuse("7.1.2 (our limit)", "trailers without end", chunks({ trailers: `X: ${"y".repeat(100_000)}\r\n` }));

// ---- 10.1.1 of RFC 9110: Expect ----
for (const value of ["200-ok", "100-continue, x", "100-continue x", "x", "100"]) refuse("RFC 9110 10.1.1", `the expectation ${shown(value)}`, posted([`Expect: ${value}`, `Content-Length: ${kLength}`]));

export const hostileCases = cases;
