// Callers' keys: those of the configuration are shown, those made at run time can be changed.
#include "config/scalar.hpp"
#include "server/admin/admin.hpp"
#include "server/keys/key_view.hpp"
#include "server/keys/run_time_keys.hpp"

#include <algorithm>
#include <chrono>

namespace tollgate::server::admin {
namespace {

constexpr std::size_t kMostListed = 1000;
constexpr std::string_view kDefaultOverlap = "24h";

config::Timestamp now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Result<Answer> refused(const KeyTrouble& trouble) {
    switch (trouble.kind) {
        case KeyTrouble::Kind::unknown:
            return fail(FailureKind::not_found, trouble.text);
        case KeyTrouble::Kind::storage:
            return fail(FailureKind::overloaded, trouble.text);
        case KeyTrouble::Kind::taken:
            break;
    }
    Answer answer{.status = 409, .body = {}};
    json::Writer writer(answer.body);
    writer.begin_object().key("error").begin_object().member("message", trouble.text);
    writer.member("type", "invalid_request_error").key("param").string("name");
    writer.member("code", "key_exists").end_object().end_object();
    return answer;
}

Answer shown(const KeyView& view, std::uint16_t status = 200, std::string_view secret = {}) {
    Answer answer{.status = status, .body = {}};
    json::Writer writer(answer.body);
    write_key(writer, view, secret);
    return answer;
}

const config::KeySettings* configured(const router::SnapshotPtr& snapshot, std::string_view name) {
    const auto& keys = snapshot->settings().keys;
    const auto found = std::ranges::find(keys, name, &config::KeySettings::name);
    return found == keys.end() ? nullptr : &*found;
}

KeyView view_of(const config::KeySettings& key) {
    KeyView view{.key = {}, .is_configured = true};
    view.key.spec.settings = key;
    return view;
}

Result<KeyRequest> read_request(const Request& request, bool wants_name) {
    const Result<json::Document> body = request.object();
    if (!body) {
        return std::unexpected(body.error());
    }
    auto read = read_key_request(body->root(), wants_name, now());
    if (!read) {
        return fail(FailureKind::bad_request, read.error() + ".");
    }
    return std::move(*read);
}

}  // namespace

// In the order of names, from behind ?after=; at most ?limit=.
Result<Answer> list_keys(const Request& request, const Services& services) {
    const std::string after = request.parameter("after").value_or("");
    const auto limit =
        config::scalar::integer(request.parameter("limit").value_or("1000"), 1, kMostListed);
    if (!limit) {
        return fail(FailureKind::bad_request, "limit: " + limit.error() + ".");
    }
    const KeyResult<std::vector<BookedKey>> made = services.keys->all();
    if (!made) {
        return refused(made.error());
    }
    const router::SnapshotPtr snapshot = services.snapshot();
    std::vector<KeyView> views;
    for (const config::KeySettings& key : snapshot->settings().keys) {
        views.push_back(view_of(key));
    }
    for (const BookedKey& key : *made) {
        views.push_back({.key = key});
    }
    const auto name = [](const KeyView& view) -> const std::string& {
        return view.key.spec.settings.name;
    };
    std::ranges::sort(views, {}, name);
    Answer answer;
    json::Writer writer(answer.body);
    writer.begin_object().key("data").begin_array();
    std::size_t written = 0;
    bool has_more = false;
    for (const KeyView& view : views) {
        if (name(view) <= after) {
            continue;
        }
        has_more = written == *limit;
        if (has_more) {
            break;
        }
        write_key(writer, view);
        ++written;
    }
    writer.end_array().key("has_more").boolean(has_more).end_object();
    return answer;
}

Result<Answer> create_key(const Request& request, const Services& services) {
    const Result<KeyRequest> asked = read_request(request, true);
    if (!asked) {
        return std::unexpected(asked.error());
    }
    const router::SnapshotPtr snapshot = services.snapshot();
    if (configured(snapshot, asked->name) != nullptr) {
        return refused({.kind = KeyTrouble::Kind::taken,
                        .text = "The configuration has a key '" + asked->name + "' already."});
    }
    const KeyResult<NewSecret> made = services.keys->create(asked->name, asked->change, now());
    return made ? shown({.key = made->key}, 201, made->secret) : refused(made.error());
}

Result<Answer> show_key(const Request& request, const Services& services) {
    const router::SnapshotPtr snapshot = services.snapshot();
    if (const auto* const key = configured(snapshot, request.arguments[0])) {
        return shown(view_of(*key));
    }
    const KeyResult<BookedKey> key = services.keys->find(request.arguments[0]);
    return key ? shown({.key = *key}) : refused(key.error());
}

Result<Answer> change_key(const Request& request, const Services& services) {
    const Result<KeyRequest> asked = read_request(request, false);
    if (!asked) {
        return std::unexpected(asked.error());
    }
    const KeyResult<BookedKey> key = services.keys->change(request.arguments[0], asked->change);
    return key ? shown({.key = *key}) : refused(key.error());
}

// {"overlap": "24h"}: how long the old secret stays valid; "0" ends it at once.
Result<Answer> rotate_key(const Request& request, const Services& services) {
    const Result<json::Document> body = request.object();
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto overlap =
        config::scalar::duration(body->root()["overlap"].string(kDefaultOverlap),
                                 std::chrono::milliseconds(0), std::chrono::days(3650));
    if (!overlap) {
        return fail(FailureKind::bad_request, "overlap: " + overlap.error() + ".");
    }
    const KeyResult<NewSecret> made = services.keys->rotate(
        request.arguments[0], std::chrono::ceil<std::chrono::seconds>(*overlap), now());
    return made ? shown({.key = made->key}, 200, made->secret) : refused(made.error());
}

Result<Answer> delete_key(const Request& request, const Services& services) {
    const KeyResult<void> removed = services.keys->remove(request.arguments[0]);
    if (!removed) {
        return refused(removed.error());
    }
    Answer answer;
    json::Writer writer(answer.body);
    writer.begin_object().member("name", request.arguments[0]).key("deleted").boolean(true);
    writer.end_object();
    return answer;
}

}  // namespace tollgate::server::admin
