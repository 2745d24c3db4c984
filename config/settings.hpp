// config/ — the YAML file as typed values: parse (text → Settings or problems), validate (rules
// across fields). May include: std, yaml-cpp (in .cpp files only).  No Asio, no other folder. Start
// here: Settings at the end of this file, then parse.hpp.  docs/configuration.md has the same
// fields in the same order; a test compares the two.
#pragma once

#include "config/auto_rule.hpp"
#include "config/failover_settings.hpp"
#include "config/problem.hpp"
#include "config/secret.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tollgate::config {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

/// Where to listen: an IP address and port, or a UNIX socket.
struct ListenAddress {
    std::string host =
        "127.0.0.1";         ///< IPv4 or IPv6 literal without brackets; "0.0.0.0" and "::" mean all
    std::uint16_t port = 0;  ///< 0: the system picks one
    std::string unix_path = {};  ///< not empty: a UNIX socket; host and port are not used
    bool plain = false;          ///< written http://…: no TLS here although server.tls is set
    [[nodiscard]] bool operator==(const ListenAddress&) const = default;
    /// True where no other machine can connect: 127.0.0.0/8, ::1 and UNIX sockets.
    [[nodiscard]] bool is_loopback() const noexcept;
};
/// As written in the file: "127.0.0.1:4000", "[::1]:4000", "unix:/run/tollgate.sock".
[[nodiscard]] std::string to_string(const ListenAddress& address);

/// An exact amount of money.  A price of n micro-dollars per million tokens is n pico-dollars per
/// token.
struct Usd {
    std::int64_t micros = 0;
    [[nodiscard]] auto operator<=>(const Usd&) const = default;
};

/// One certificate of the gateway's own.
struct ServerCertificate {
    std::string cert = {};  ///< path of the PEM chain, the gateway's own certificate first
    std::string key = {};   ///< path of the PEM private key
    std::string ocsp = {};  ///< path of a DER OCSP response to staple; empty: none
    [[nodiscard]] bool operator==(const ServerCertificate&) const = default;
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };
enum class ClientAuth : std::uint8_t { off, optional, required };

/// TLS towards clients.  Neither a certificate nor self_signed: plain text.
struct ServerTls {
    ServerCertificate certificate = {};  ///< keys `cert`, `key`, `ocsp`: where one is enough
    std::vector<ServerCertificate> certificates =
        {};  ///< several, chosen by the name that a client asks for; the first is the default
    bool self_signed = false;  ///< make a throw-away certificate at start, for a first try
    TlsVersion min_version = TlsVersion::tls12;
    std::string client_ca = {};  ///< PEM bundle of the authorities whose client certificates count
    ClientAuth client_auth = ClientAuth::off;
    [[nodiscard]] bool enabled() const noexcept {
        return self_signed || !certificate.cert.empty() || !certificates.empty();
    }
    [[nodiscard]] bool operator==(const ServerTls&) const = default;
};

struct ServerLimits {
    std::uint64_t body = 64 * kMiB;    ///< bytes of a request body, before and after decompression
    std::uint64_t header = 64 * kKiB;  ///< bytes of a request head
    unsigned json_depth = 64;          ///< nesting of a JSON body
    unsigned connections = 20000;      ///< open client connections, all workers together
    unsigned connections_per_peer =
        0;  ///< … of one address (IPv6: one /64); UNIX sockets do not count.  0: no limit
    std::uint64_t pipeline =
        16 * kKiB;                ///< bytes of early (pipelined) requests kept per connection
    unsigned auth_failures = 30;  ///< wrong keys per minute and address, then 429; 0: no limit
    [[nodiscard]] bool operator==(const ServerLimits&) const = default;
};

struct ServerTimeouts {
    milliseconds header = seconds(10);  ///< first byte of a request until its head is complete
    milliseconds body = seconds(60);    ///< between two reads of a request body
    milliseconds idle = seconds(75);    ///< a keep-alive connection without a request
    milliseconds write = seconds(60);   ///< a client that takes no bytes
    milliseconds drain = seconds(30);   ///< running exchanges after SIGTERM, then they are cut
    milliseconds keep_alive =
        seconds(15);  ///< a waiting stream gets an SSE comment after this; 0: never
    [[nodiscard]] bool operator==(const ServerTimeouts&) const = default;
};

/// HTTP/2 towards clients.
struct ServerHttp2 {
    bool enabled = true;                    ///< false: HTTP/1.1 only
    unsigned max_streams = 128;             ///< exchanges at the same time on one connection
    std::uint64_t header_table = 4 * kKiB;  ///< bytes of each of a connection's two HPACK tables
    milliseconds max_age =
        std::chrono::hours(1);  ///< then GOAWAY, with up to 10 % jitter; 0: never
    milliseconds ping_interval =
        seconds(30);  ///< silence of a client with open streams before it is asked; 0: never
    milliseconds ping_timeout = seconds(10);  ///< for its answer
    [[nodiscard]] bool operator==(const ServerHttp2&) const = default;
};

/// Cross-origin rules for browsers.  No origins: no CORS headers, preflights are refused.
struct Cors {
    std::vector<std::string> origins = {};  ///< exact origins such as "https://app.example", or "*"
    std::vector<std::string> headers =
        {};                    ///< request headers allowed; empty: whatever the preflight asks for
    bool credentials = false;  ///< allow cookies; not together with "*"
    milliseconds max_age = minutes(10);  ///< how long browsers may keep a preflight's answer
    [[nodiscard]] bool operator==(const Cors&) const = default;
};

struct ServerSettings {
    std::vector<ListenAddress> listen = {ListenAddress{.host = "127.0.0.1", .port = 4000}};
    bool allow_unauthenticated =
        false;                  ///< serve others than loopback although no keys are configured
    bool require_keys = false;  ///< callers need a key although none is in the file: keys are made
                                ///< at run time
    ServerTls tls = {};
    unsigned threads = 0;  ///< workers; 0: one per usable core ("auto")
    ServerLimits limits = {};
    ServerTimeouts timeouts = {};
    ServerHttp2 http2 = {};
    Cors cors = {};
    [[nodiscard]] bool operator==(const ServerSettings&) const = default;
};

/// The limits of one upstream exchange.
struct ProviderTimeouts {
    milliseconds connect = seconds(5);      ///< DNS, TCP, proxy and TLS together
    milliseconds first_byte = seconds(60);  ///< request sent until the first byte of the answer
    milliseconds first_token =
        milliseconds(0);  ///< attempt begun until the first good event; 0: only the others count
    milliseconds idle = seconds(60);    ///< between two reads of the answer
    milliseconds total = seconds(600);  ///< everything
    [[nodiscard]] bool operator==(const ProviderTimeouts&) const = default;
};

enum class Http2 : std::uint8_t { automatic, on, off };

struct ProviderPool {
    unsigned max_connections =
        16384;  ///< per worker and origin; further exchanges wait for a free one
    milliseconds idle = seconds(90);  ///< an unused connection is closed after this
    Http2 http2 = Http2::automatic;   ///< automatic: by ALPN; on: also in plain text; off: HTTP/1.1
    milliseconds ping = seconds(10);  ///< an HTTP/2 connection with streams that is silent so long
                                      ///< is asked whether it lives, and given up after as long
    [[nodiscard]] bool operator==(const ProviderPool&) const = default;
};

struct ProviderTls {
    std::string ca_file = {};      ///< PEM bundle; empty: the system's
    bool verify = true;            ///< check the certificate and its host name
    std::string client_cert = {};  ///< PEM chain shown to the vendor
    std::string client_key = {};   ///< PEM private key for client_cert
    std::string server_name = {};  ///< SNI and name to verify; empty: the host of base_url
    [[nodiscard]] bool operator==(const ProviderTls&) const = default;
};

struct AwsCredentials {
    std::string access_key_id = {};
    Secret secret_access_key = {};
    Secret session_token = {};  ///< for temporary credentials
    [[nodiscard]] bool operator==(const AwsCredentials&) const = default;
};

/// What differs for one alias or one target from its provider's timeouts.
struct TimeoutOverrides {
    std::optional<milliseconds> connect = {};
    std::optional<milliseconds> first_byte = {};
    std::optional<milliseconds> first_token = {};
    std::optional<milliseconds> idle = {};
    std::optional<milliseconds> total = {};
    [[nodiscard]] bool any() const noexcept {
        return connect || first_byte || first_token || idle || total;
    }
    [[nodiscard]] bool operator==(const TimeoutOverrides&) const = default;
};

/// How one of several is chosen.
enum class Balance : std::uint8_t { weighted, latency, least_inflight, cost, usage, order };

/// What a vendor allows per minute to one key; zero: not known.
struct ProviderLimits {
    std::uint64_t rpm = 0;
    std::uint64_t tpm = 0;
    [[nodiscard]] bool operator==(const ProviderLimits&) const = default;
};

enum class TokenField : std::uint8_t { keep, max_tokens, max_completion_tokens };
enum class AuthScheme : std::uint8_t { bearer, none, header };

/// Deviations of an OpenAI-compatible server.  Not set: what the vendor's description says.
struct OpenAiOptions {
    std::optional<std::string> chat_path = {};  ///< below base_url, e.g. "/chat/completions"
    std::optional<std::string> completions_path = {};
    std::optional<std::string> embeddings_path = {};
    std::optional<std::string> models_path = {};
    std::optional<TokenField> token_field = {};  ///< the name under which the output limit is sent
    std::optional<bool> developer_as_system = {};  ///< send role "developer" as "system"
    std::vector<std::string> drop = {};            ///< top-level request fields not to be sent
    std::optional<bool> include_usage = {};        ///< ask for usage in streams by stream_options
    std::optional<AuthScheme> auth = {};           ///< how the key is sent
    std::string auth_header = {};                  ///< for AuthScheme::header
    [[nodiscard]] bool operator==(const OpenAiOptions&) const = default;
};

enum class DemoFault : std::uint8_t {
    none,
    rate_limit,
    server_error,
    stall,
    cut,
    stream_error,
    reset,
    slow
};

/// The built-in vendor `demo`: how it behaves and misbehaves.
struct DemoOptions {
    milliseconds latency = milliseconds(0);      ///< before the first byte
    milliseconds slow = seconds(1);              ///< added to it by the fault `slow`
    milliseconds chunk_delay = milliseconds(0);  ///< between two chunks of a stream
    unsigned chunks = 0;                         ///< chunks of a streamed text; 0: one per word
    DemoFault fault = DemoFault::none;
    double fault_rate = 1.0;                ///< share of calls that get the fault, 0 to 1
    milliseconds retry_after = seconds(1);  ///< told with rate_limit
    std::uint64_t seed = 0;                 ///< of the choice which calls get the fault
    [[nodiscard]] bool operator==(const DemoOptions&) const = default;
};

/// What a price may be for.  Tokens and characters: per million; `..._hour` and `..._second`: per
/// hour or second; all others: each.
inline constexpr std::array<std::string_view, 37> kPriceKeys{
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "citation",
    "input_audio",
    "output_audio",
    "cache_read_audio",
    "cache_write_audio",
    "input_image",
    "output_image",
    "cache_read_image",
    "input_video",
    "output_video",
    "request",
    "web_search",
    "web_search_low",
    "web_search_medium",
    "web_search_high",
    "file_search",
    "social_search",
    "code_execution",
    "rerank_search",
    "page",
    "annotated_page",
    "text_message",
    "input_chars",
    "output_chars",
    "audio_hour",
    "input_audio_hour",
    "output_audio_hour",
    "input_video_second",
    "output_video_second",
    "input_image_each",
    "output_image_each",
};
/// One of kPriceKeys, and the amount.
using PriceRates = std::vector<std::pair<std::string_view, Usd>>;

/// Rates for calls with more than `above` prompt tokens.
struct PriceTier {
    std::uint64_t above = 0;
    PriceRates rates = {};
    [[nodiscard]] bool operator==(const PriceTier&) const = default;
};
/// Prices of one model, or of all models of a provider.  What has no rate here has the catalog's,
/// else it is billed as its parent kind.
struct ModelPrice {
    std::string model = {};  ///< "provider/model" or "provider/*"
    std::string currency = "USD";
    bool free = false;  ///< costs nothing; no rates then
    PriceRates rates = {};
    std::vector<PriceTier> tiers = {};
    [[nodiscard]] bool operator==(const ModelPrice&) const = default;
};
/// How a provider bills what the catalog's price list says.
struct ProviderPrice {
    std::string catalog = {};   ///< vendor whose price list counts; empty: the provider's own
    std::string currency = {};  ///< which of a model's prices counts; empty: the vendor's habit
    std::string region = {};    ///< likewise, for prices that depend on the region
    bool free = false;          ///< costs nothing
    std::int64_t discount = 0;  ///< of the price list, in 1/kShareParts
    std::int64_t margin = 0;    ///< on what is left after the discount, in 1/kShareParts
    [[nodiscard]] bool operator==(const ProviderPrice&) const = default;
};
inline constexpr std::int64_t kShareParts = 100'000'000;
/// How many units of a currency a US dollar is worth.
struct ExchangeRate {
    std::string currency = {};
    Usd per_usd = {};
    [[nodiscard]] bool operator==(const ExchangeRate&) const = default;
};

/// One configured instance of a vendor.
struct ProviderSettings {
    std::string name = {};  ///< the key in the file; the part before the slash in "provider/model"
    std::string type = {};  ///< the vendor; default: name
    std::optional<bool> enabled =
        {};  ///< not set: in use where it has what it needs; true: must have it
    std::vector<Secret> api_keys = {};  ///< more than one: a pool.  Empty: none was found
    std::vector<std::uint64_t> key_weights =
        {};  ///< of api_keys, in their order; missing ones are 1
    Balance key_balance = Balance::weighted;
    ProviderLimits limits = {};      ///< of each key
    std::string base_url = {};       ///< no trailing slash; empty: the vendor's own
    std::string default_model = {};  ///< empty: the vendor's own
    std::string api_version = {};    ///< azure_openai, anthropic; empty: the vendor's own
    std::string project = {};        ///< vertex_ai
    std::string location = {};  ///< vertex_ai: location; bedrock: region (key `region` is the same)
    std::string credentials = {};  ///< vertex_ai: path of a service account key, or "metadata"
    AwsCredentials aws = {};       ///< bedrock
    std::vector<std::pair<std::string, std::string>> deployment_map =
        {};  ///< model → the vendor's name for it
    ProviderTimeouts timeouts = {};
    Secret proxy = {};  ///< URL, may hold user:password; empty: direct
    std::vector<std::pair<std::string, Secret>> headers = {};  ///< added to every upstream request
    ProviderPool pool = {};
    ProviderTls tls = {};
    std::vector<std::string> models = {};  ///< ids listed in /v1/models; empty: the vendor's list
    ProviderPrice price = {};
    OpenAiOptions openai = {};
    DemoOptions demo = {};
    [[nodiscard]] bool operator==(const ProviderSettings&) const = default;
};

enum class Sticky : std::uint8_t { none, conversation, key };

struct ModelTarget {
    std::string model = {};  ///< "provider/model" or another alias
    unsigned weight =
        1;  ///< share among the targets of a weighted group; 0: only when all others fail
    TimeoutOverrides timeouts = {};  ///< win over the alias's
    [[nodiscard]] bool operator==(const ModelTarget&) const = default;
};

/// A name of the configuration's own for one or more targets.
/// A share of an alias's requests goes to another model as well.
struct Shadow {
    std::string model = {};
    double share = 0;  ///< 0 to 1
    [[nodiscard]] bool operator==(const Shadow&) const = default;
};

struct ModelAlias {
    std::string name = {};
    bool is_chain = true;  ///< true: tried in order; false: spread by `balance`
    Balance balance = Balance::weighted;
    std::vector<ModelTarget> targets = {};
    std::optional<Sticky> sticky = {};  ///< not set: router.auto.sticky
    TimeoutOverrides timeouts = {};
    std::vector<std::string> context_fallbacks = {};  ///< when the prompt does not fit
    std::vector<std::string> content_fallbacks = {};  ///< when a content policy refuses
    std::optional<Shadow> shadow = {};
    [[nodiscard]] bool operator==(const ModelAlias&) const = default;
};

enum class AutoPolicy : std::uint8_t { balanced, cheap, fast, best };
enum class RegionRule : std::uint8_t { any, overseas, china };

struct AutoRouter {
    AutoPolicy policy = AutoPolicy::balanced;
    std::vector<AutoRule> rules = {};  ///< the first that fits decides, before anything else
    std::vector<std::pair<std::string, std::vector<std::string>>> tasks =
        {};  ///< task → targets, best first
    std::vector<std::string> candidates =
        {};  ///< what the policy chooses from; empty: every alias and every provider's models
    std::vector<AutoQuality> quality = {};
    std::uint64_t long_context = 32'768;  ///< tokens from which a prompt counts as long
    Sticky sticky = Sticky::conversation;
    [[nodiscard]] bool operator==(const AutoRouter&) const = default;
};
struct RouterSettings {
    AutoRouter automatic = {};            ///< key `auto`
    std::vector<std::string> allow = {};  ///< "provider/model" or "provider/*"; empty: all
    std::vector<std::string> deny = {};   ///< likewise; wins over allow
    RegionRule region = RegionRule::any;  ///< vendors of other regions are left out
    [[nodiscard]] bool operator==(const RouterSettings&) const = default;
};

enum class Period : std::uint8_t { hour, day, week, month, total };

struct KeyBudget {
    Usd usd = {};
    Period per = Period::month;
    [[nodiscard]] bool operator==(const KeyBudget&) const = default;
};
/// Zero: no limit.
struct KeyLimits {
    std::uint64_t rpm = 0;     ///< requests per minute
    std::uint64_t tpm = 0;     ///< tokens per minute, both ways
    unsigned concurrency = 0;  ///< exchanges at the same time
    [[nodiscard]] bool operator==(const KeyLimits&) const = default;
};
using Timestamp = std::chrono::sys_seconds;

/// A caller's key; only its hash is in the file.
struct KeySettings {
    std::string name = {};
    std::string hash = {};  ///< "sha256:" and 64 lower-case hex digits; empty: certificate only
    std::string previous_hash = {};  ///< of the secret before a rotation: valid as well
    bool enabled = true;
    std::optional<Timestamp> expires = {};  ///< not valid from then on
    std::string certificate_subject =
        {};  ///< RFC 4514 name in the client certificate that stands for this key; empty: none
    std::string team = {};
    std::vector<std::string> models =
        {};  ///< aliases, "provider/model" or "provider/*"; empty: all
    std::optional<KeyBudget> budget = {};
    KeyLimits limits = {};
    std::vector<std::string> tags = {};
    [[nodiscard]] bool operator==(const KeySettings&) const = default;
};

/// Whose requests a limit or a budget counts.
enum class ScopeKind : std::uint8_t { everything, key, team, tag, provider, model };
struct Scope {
    ScopeKind kind = ScopeKind::everything;
    std::string name = {};  ///< of the key, team, tag, provider or model; model: with or without
                            ///< "provider/"
    [[nodiscard]] auto operator<=>(const Scope&) const = default;
};
struct LimitRule {
    Scope scope = {};
    KeyLimits limits = {};
    [[nodiscard]] bool operator==(const LimitRule&) const = default;
};
/// Where a request waits that a rate limit or the concurrency does not let pass at once.
struct LimitQueue {
    unsigned size = 0;                ///< waiting requests per limit; 0: refuse at once
    milliseconds wait = seconds(10);  ///< then it is refused
    [[nodiscard]] bool operator==(const LimitQueue&) const = default;
};
struct LimitsSettings {
    std::vector<LimitRule> rules = {};
    LimitQueue queue = {};
    [[nodiscard]] bool operator==(const LimitsSettings&) const = default;
};
struct BudgetRule {
    Scope scope = {};
    KeyBudget budget = {};
    [[nodiscard]] bool operator==(const BudgetRule&) const = default;
};
/// Who hears of budgets that near their end.
struct AlertSettings {
    std::vector<Secret> webhooks = {};                ///< URLs; Slack's hold a secret in their path
    std::vector<unsigned> thresholds = {50, 80, 95};  ///< per cent of a budget, rising
    [[nodiscard]] bool operator==(const AlertSettings&) const = default;
};

/// The admin API.  With neither of the two it does not exist.
struct AdminSettings {
    std::optional<ListenAddress> listen = {};  ///< own listener; not set: the main listeners
    std::string key_hash = {};                 ///< as in KeySettings::hash
    [[nodiscard]] bool enabled() const noexcept { return listen || !key_hash.empty(); }
    [[nodiscard]] bool operator==(const AdminSettings&) const = default;
};

enum class Unpriced : std::uint8_t { warn, reject };
/// What a budget sets aside for a request before it is sent.
struct ReserveSettings {
    std::uint64_t output = 4096;  ///< output tokens where neither request nor catalog bounds them
    std::uint64_t most = 0;       ///< output tokens that are set aside at most; 0: no bound
    [[nodiscard]] bool operator==(const ReserveSettings&) const = default;
};
struct CostSettings {
    std::string currency = "USD";
    std::vector<ExchangeRate> rates = {{.currency = "CNY", .per_usd = {7'200'000}},
                                       {.currency = "EUR", .per_usd = {900'000}}};
    std::vector<ModelPrice> prices = {};
    Unpriced unpriced = Unpriced::warn;  ///< what happens to a request whose price is not known
    ReserveSettings reserve = {};
    [[nodiscard]] bool operator==(const CostSettings&) const = default;
};

enum class MetricsCompat : std::uint8_t { none, litellm };
struct MetricsSettings {
    std::optional<ListenAddress> listen =
        {};  ///< own listener for /metrics; not set: the main listeners serve it
    std::vector<double> buckets =
        {};  ///< seconds, ascending, of the duration histograms; empty: built in
    MetricsCompat compat = MetricsCompat::none;  ///< also tell it under another gateway's names
    [[nodiscard]] bool operator==(const MetricsSettings&) const = default;
};

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error, off };
enum class LogFormat : std::uint8_t { json, text };
struct LoggingSettings {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
    bool access = true;    ///< one line per request
    bool content = false;  ///< log prompts and answers as well
    [[nodiscard]] bool operator==(const LoggingSettings&) const = default;
};

enum class LedgerSync : std::uint8_t { never, interval };
enum class LedgerTrouble : std::uint8_t { serve, refuse };
/// What every request used and cost, kept on disk.
struct LedgerSettings {
    bool enabled = true;
    std::string path = {};  ///< of the SQLite file; empty: "ledger.sqlite" in state_dir
    LedgerSync fsync = LedgerSync::interval;  ///< never: survives the process, not the machine
    LedgerTrouble on_error = LedgerTrouble::serve;         ///< while nothing can be written
    milliseconds retention = std::chrono::hours(24 * 90);  ///< of single requests; 0: for ever
    milliseconds hourly_retention =
        std::chrono::hours(24 * 400);         ///< of the sums by hour; 0: for ever
    std::uint64_t max_backlog = 1024 * kMiB;  ///< bytes of journal that wait to be imported
    [[nodiscard]] bool operator==(const LedgerSettings&) const = default;
};

/// Where each setting stands in the file, so that a rule checked later can name the place.
struct Source {
    std::string file = {};
    std::map<std::string, Position, std::less<>> positions =
        {};  ///< by path, e.g. "providers.openai.base_url"
    std::map<std::string, std::string, std::less<>> texts =
        {};  ///< by path, as written: before expansion, secrets as "***"; without `keys`
    /// The place of `path`, or of the nearest thing around it that is in the file.
    [[nodiscard]] Position at(std::string_view path) const;
    [[nodiscard]] Problem problem(std::string_view path, std::string text) const;
};

/// A whole configuration.  Plain values: copy it, compare parts of it, build it by hand in tests.
struct Settings {
    ServerSettings server = {};
    std::string default_provider = {};  ///< providers.default; empty: the first usable one
    std::vector<ProviderSettings> providers = {};
    std::vector<ModelAlias> models = {};
    RouterSettings router = {};
    FailoverSettings failover = {};
    std::vector<KeySettings> keys = {};
    LimitsSettings limits = {};
    std::vector<BudgetRule> budgets = {};
    AlertSettings alerts = {};
    AdminSettings admin = {};
    CostSettings cost = {};
    MetricsSettings metrics = {};
    LoggingSettings logging = {};
    std::string catalog = {};  ///< file that replaces the built-in model catalog; empty: built in
    milliseconds catalog_refresh =
        std::chrono::hours(1);  ///< age at which vendors' model lists are read again
                                ///< when somebody asks; 0: they are not read
    LedgerSettings ledger = {};
    std::string keys_file = {};  ///< SQLite file of keys made at run time; empty: "keys.sqlite" in
                                 ///< state_dir
    std::string state_dir = "~/.local/state/tollgate";  ///< parse() and defaults() replace the "~"
    Source source = {};
    std::vector<Problem> warnings = {};  ///< doubtful but usable; found by parse()

    /// The provider of that name, or null.
    [[nodiscard]] const ProviderSettings* provider(std::string_view name) const noexcept;
};

/// Where the ledger's SQLite file is.
[[nodiscard]] std::string ledger_path(const Settings& settings);
/// Where the keys that were made at run time are.
[[nodiscard]] std::string keys_path(const Settings& settings);

}  // namespace tollgate::config
