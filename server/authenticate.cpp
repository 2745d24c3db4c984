// Who calls: by the key that was sent, or by the client's certificate.
#include "server/caller_key.hpp"
#include "server/dispatch.hpp"
#include "server/worker.hpp"

namespace tollgate::server {

Result<void> Dispatch::authenticate() {
    const router::CallerTable& callers = *taken_.callers;
    if (!callers.requires_key()) {
        return {};
    }
    const auto take = [&](const router::Key& known) {
        taken_.caller = &known;
        record_.key_name = known.name();
        record_.key_label = known.label;
        record_.team = known.profile->team;
        record_.tags = known.profile->tags;
        allowed_models_ = &known.profile->models;
    };
    const auto now = std::chrono::floor<std::chrono::seconds>(record_.wall);
    const std::string_view secret = caller_key(x_.head);
    // SDKs insist on some key, so one that is not known must not stand in a certificate's way.
    const router::Key* const certified = callers.certified(x_.certificate_subject, now);
    if (secret.empty() && certified == nullptr) {
        return fail(FailureKind::unauthenticated,
                    x_.certificate_subject.empty()
                        ? "No API key was sent. Put it into the header 'Authorization: Bearer "
                          "<key>'."
                        : "No API key was sent, and no key has the certificate_subject '" +
                              std::string(x_.certificate_subject.substr(0, 256)) + "'.");
    }
    if (const router::Key* const known = callers.find(sha256(secret), now)) {
        take(*known);
        return {};
    }
    if (certified != nullptr) {
        take(*certified);
        return {};
    }
    const unsigned most = snapshot_->settings().server.limits.auth_failures;
    if (most != 0 && worker_.shared().throttle.count(x_.client, record_.started) > most) {
        return std::unexpected(
            Failure{.kind = FailureKind::limited,
                    .detail = "Too many unknown API keys came from this address "
                              "(server.limits.auth_failures).",
                    .retry_after = router::AuthThrottle::until_next(record_.started)});
    }
    return fail(FailureKind::unauthenticated, "The API key is not known to this gateway.");
}

}  // namespace tollgate::server
