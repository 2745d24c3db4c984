// Settings plus catalog plus environment → Snapshot.
#include "adapters/auth/gcp_jwt.hpp"
#include "adapters/catalog.hpp"
#include "adapters/dialect/bedrock.hpp"
#include "adapters/dialect/vertex.hpp"
#include "router/auto/plan.hpp"
#include "router/snapshot_builder.hpp"

#include <algorithm>
#include <utility>

namespace tollgate::router {

using config::Problem;

std::expected<SnapshotPtr, std::vector<Problem>> SnapshotBuilder::build() {
    for (const config::ProviderSettings& provider : snapshot_->settings_.providers) {
        if (provider.enabled.value_or(true)) {
            add(provider, false);
        }
    }
    if (context_.discover) {
        discover();
    }
    for (const config::ModelAlias& alias : snapshot_->settings_.models) {
        snapshot_->aliases_.emplace(alias.name, &alias);
    }
    choose_default();
    keep_health();
    list_models();
    read_catalog();
    describe_records();
    check_aliases();
    check_auto();
    if (!problems_.empty()) {
        return std::unexpected(std::move(problems_));
    }
    snapshot_->auto_plan_ = std::make_shared<const AutoPlan>(plan_auto(*snapshot_));
    // Nobody asks any more where a caller's key stands in the file, and there may be many.
    auto& positions = snapshot_->settings_.source.positions;
    positions.erase(positions.lower_bound("keys["), positions.lower_bound("keys\\"));
    return snapshot_;
}

std::string SnapshotBuilder::first_set(std::span<const std::string_view> names) const {
    for (const std::string_view name : names) {
        std::optional<std::string> value = context_.environment(name);
        if (value && !value->empty()) {
            return std::move(*value);
        }
    }
    return {};
}

void SnapshotBuilder::add(const config::ProviderSettings& settings, bool discovered) {
    const std::string path = "providers." + settings.name;
    const std::string& type = settings.type.empty() ? settings.name : settings.type;
    const adapters::Vendor* const vendor = adapters::find_vendor(type);
    if (vendor == nullptr) {
        problem(settings.type.empty() ? path : path + ".type",
                "'" + type +
                    "' is not a vendor that is built in; for an OpenAI-compatible server write "
                    "type: openai_compat");
        return;
    }
    Provider& provider = snapshot_->providers_.emplace_back();
    provider.index = snapshot_->providers_.size() - 1;
    provider.settings = settings;
    provider.vendor = *vendor;
    provider.endpoint.vendor = &provider.vendor;
    provider.endpoint.provider = settings.name;
    provider.default_model = settings.default_model.empty() ? std::string(vendor->default_model)
                                                            : settings.default_model;
    deviate(provider);
    find_credentials(provider);
    snapshot_->by_name_.emplace(settings.name, &provider);
    const bool required = settings.enabled.value_or(false) && !discovered;
    if (!provider.usable && required) {
        problem(path, "the provider is enabled but " + provider.problem);
    } else if (!provider.usable) {
        snapshot_->warnings_.push_back(
            snapshot_->settings_.source.problem(path, provider.problem + ", so it is not used"));
    }
}

// Applies what the configuration says differently from the catalog.
void SnapshotBuilder::deviate(Provider& provider) {
    const config::ProviderSettings& settings = provider.settings;
    adapters::Vendor& vendor = provider.vendor;
    adapters::Endpoint& endpoint = provider.endpoint;
    endpoint.base_url =
        settings.base_url.empty() ? first_set(vendor.base_url_env) : settings.base_url;
    if (endpoint.base_url.empty()) {
        endpoint.base_url = vendor.base_url;
    }
    endpoint.api_version =
        settings.api_version.empty() ? std::string(vendor.api_version) : settings.api_version;
    endpoint.project = settings.project;
    endpoint.location = settings.location;
    endpoint.deployments = settings.deployment_map;
    for (const auto& [name, value] : settings.headers) {
        endpoint.headers.push_back({.name = name, .value = std::string(value.reveal())});
    }
    const config::OpenAiOptions& options = settings.openai;
    const config::OpenAiOptions& kept =
        provider.settings.openai;  // views point into the provider's own copy
    vendor.paths.chat = options.chat_path ? std::string_view(*kept.chat_path) : vendor.paths.chat;
    vendor.paths.completions = options.completions_path ? std::string_view(*kept.completions_path)
                                                        : vendor.paths.completions;
    vendor.paths.embeddings =
        options.embeddings_path ? std::string_view(*kept.embeddings_path) : vendor.paths.embeddings;
    vendor.paths.models =
        options.models_path ? std::string_view(*kept.models_path) : vendor.paths.models;
    if (options.token_field) {
        vendor.request.token_field = static_cast<adapters::TokenField>(*options.token_field);
    }
    vendor.request.developer_as_system =
        options.developer_as_system.value_or(vendor.request.developer_as_system);
    if (options.include_usage) {
        vendor.usage_in =
            *options.include_usage ? adapters::UsageIn::final_chunk : adapters::UsageIn::last_chunk;
    }
    if (!options.drop.empty()) {
        provider.drop_.assign(vendor.request.drop.begin(), vendor.request.drop.end());
        provider.drop_.insert(provider.drop_.end(), kept.drop.begin(), kept.drop.end());
        vendor.request.drop = provider.drop_;
    }
    if (options.auth) {
        vendor.auth = *options.auth == config::AuthScheme::bearer ? adapters::Auth::bearer
                      : *options.auth == config::AuthScheme::none ? adapters::Auth::none
                                                                  : adapters::Auth::api_key_header;
        vendor.auth_header = kept.auth_header;
    }
}

void SnapshotBuilder::find_credentials(Provider& provider) {
    using adapters::Auth;
    provider.keys = provider.settings.api_keys;
    if (provider.keys.empty()) {
        std::string key = first_set(provider.vendor.key_env);
        if (!key.empty()) {
            provider.keys.emplace_back(std::move(key));
        }
    }
    provider.usable = true;
    switch (provider.vendor.auth) {
        case Auth::none:
        case Auth::optional_bearer:
            break;
        case Auth::bearer:
        case Auth::api_key_header:
            provider.usable = !provider.keys.empty();
            break;
        case Auth::google:
            find_google_credentials(provider);
            break;
        case Auth::sigv4:
            find_aws_credentials(provider);
            break;
    }
    if (!provider.usable && provider.problem.empty()) {
        provider.problem = "it has no API key (set api_key";
        if (!provider.vendor.key_env.empty()) {
            provider.problem += " or the variable " + std::string(provider.vendor.key_env.front());
        }
        provider.problem += ")";
    }
    std::string& base_url = provider.endpoint.base_url;
    if (base_url.empty() && provider.vendor.dialect == adapters::DialectName::bedrock) {
        base_url = adapters::bedrock::default_base_url(provider.endpoint.location);
    } else if (base_url.empty() && provider.vendor.dialect == adapters::DialectName::vertex) {
        base_url = adapters::vertex::default_base_url(provider.endpoint.location);
    }
    if (provider.usable && provider.vendor.kind != adapters::VendorKind::builtin &&
        base_url.empty()) {
        provider.usable = false;
        provider.problem = "it has no base_url";
    }
}

void SnapshotBuilder::find_google_credentials(Provider& provider) {
    const config::ProviderSettings& settings = provider.settings;
    if (provider.vendor.dialect == adapters::DialectName::vertex) {
        constexpr std::string_view kProject[] = {"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT",
                                                 "VERTEXAI_PROJECT"};
        constexpr std::string_view kLocation[] = {"GOOGLE_CLOUD_LOCATION", "VERTEXAI_LOCATION"};
        if (provider.endpoint.project.empty()) {
            provider.endpoint.project = first_set(kProject);
        }
        if (provider.endpoint.location.empty()) {
            provider.endpoint.location = first_set(kLocation);
        }
        if (provider.endpoint.location.empty()) {
            provider.endpoint.location = "global";
        }
    }
    constexpr std::string_view kCredentials[] = {"GOOGLE_APPLICATION_CREDENTIALS"};
    const bool may_use_account = provider.vendor.dialect == adapters::DialectName::vertex;
    const std::string path = !settings.credentials.empty() ? settings.credentials
                             : may_use_account             ? first_set(kCredentials)
                                                           : std::string();
    if (path == "metadata") {
        constexpr std::string_view kHost[] = {"GCE_METADATA_HOST"};
        provider.google_metadata = true;
        provider.google_metadata_host = first_set(kHost);
        return;
    }
    if (!path.empty() && provider.keys.empty()) {
        auto text = context_.read_file(path);
        if (!text) {
            provider.usable = false;
            provider.problem =
                "its credentials file '" + path + "' cannot be read: " + text.error();
            return;
        }
        Result<auth::GoogleCredentials> account = auth::parse_google_credentials(*text);
        if (!account) {
            provider.usable = false;
            provider.problem =
                "its credentials file '" + path + "' is not usable: " + account.error().detail;
            return;
        }
        if (provider.endpoint.project.empty()) {
            provider.endpoint.project = account->project_id;
        }
        provider.google_credentials = std::move(*text);
        return;
    }
    provider.usable = !provider.keys.empty();
    if (!provider.usable && may_use_account) {
        provider.problem =
            "it has no credentials (set credentials to a key file or to metadata, or api_key)";
    }
}

void SnapshotBuilder::find_aws_credentials(Provider& provider) {
    constexpr std::string_view kId[] = {"AWS_ACCESS_KEY_ID"};
    constexpr std::string_view kSecret[] = {"AWS_SECRET_ACCESS_KEY"};
    constexpr std::string_view kToken[] = {"AWS_SESSION_TOKEN"};
    constexpr std::string_view kRegion[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    if (provider.endpoint.location.empty()) {
        provider.endpoint.location = first_set(kRegion);
    }
    if (provider.endpoint.location.empty()) {
        provider.endpoint.location = "us-east-1";
    }
    config::AwsCredentials& aws = provider.settings.aws;
    if (provider.keys.empty() && aws.access_key_id.empty()) {
        aws.access_key_id = first_set(kId);
        aws.secret_access_key = config::Secret(first_set(kSecret));
        aws.session_token = config::Secret(first_set(kToken));
    }
    provider.usable =
        !provider.keys.empty() || (!aws.access_key_id.empty() && !aws.secret_access_key.empty());
    if (!provider.usable) {
        provider.problem =
            "it has no AWS credentials (set aws.access_key_id and aws.secret_access_key, or "
            "api_key)";
    }
}

// No configuration file: every vendor whose key is set, every local server that answers, and the
// demo.
void SnapshotBuilder::discover() {
    for (const adapters::Vendor* const vendor : adapters::vendors()) {
        if (snapshot_->by_name_.contains(vendor->name)) {
            continue;
        }
        bool found =
            vendor->kind == adapters::VendorKind::builtin || !first_set(vendor->key_env).empty();
        if (vendor->dialect == adapters::DialectName::bedrock) {
            constexpr std::string_view kAws[] = {"AWS_ACCESS_KEY_ID"};
            found = found || !first_set(kAws).empty();
        }
        if (vendor->dialect == adapters::DialectName::vertex) {
            constexpr std::string_view kGoogle[] = {"GOOGLE_APPLICATION_CREDENTIALS"};
            found = found || !first_set(kGoogle).empty();
        }
        if (vendor->kind == adapters::VendorKind::local && !found) {
            const std::string configured = first_set(vendor->base_url_env);
            found = !configured.empty() || (!vendor->base_url.empty() && context_.answers &&
                                            context_.answers(vendor->base_url));
        }
        if (found) {
            config::ProviderSettings settings;
            settings.name = vendor->name;
            add(settings, true);
        }
    }
}

void SnapshotBuilder::choose_default() {
    const std::string& name = snapshot_->settings_.default_provider;
    if (!name.empty()) {
        snapshot_->default_provider_ = snapshot_->provider(name);
        if (snapshot_->default_provider_ == nullptr && problems_.empty()) {
            problem("providers.default", "'" + name + "' is not an enabled provider");
        }
        return;
    }
    // Real vendors before the demo: a key in the environment is there to be used.
    for (const bool builtin : {false, true}) {
        for (const Provider& provider : snapshot_->providers_) {
            if (provider.usable &&
                (provider.vendor.kind == adapters::VendorKind::builtin) == builtin) {
                snapshot_->default_provider_ = &provider;
                return;
            }
        }
    }
}

void SnapshotBuilder::list_models() {
    std::vector<metrics::TargetName> names;
    for (Provider& provider : snapshot_->providers_) {
        std::vector<std::string_view> ids;
        if (!provider.default_model.empty()) {
            ids.push_back(provider.default_model);
        }
        for (const std::string& id : provider.settings.models) {
            ids.push_back(id);
        }
        for (const auto& [model, deployment] : provider.settings.deployment_map) {
            ids.push_back(model);
        }
        for (const std::string_view id : provider.vendor.models) {
            ids.push_back(id);
        }
        std::sort(ids.begin(), ids.end());
        ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        names.push_back({.provider = provider.settings.name, .model = "other"});
        for (const std::string_view id : ids) {
            names.push_back({.provider = provider.settings.name, .model = id});
            if (provider.usable) {
                snapshot_->listed_.emplace(
                    std::string(id),
                    RoutedTarget{
                        .provider = &provider, .model = id, .record = &provider.record(id)});
            }
        }
    }
    const auto name = [&](std::string_view target) {
        const std::size_t slash = target.find('/');
        if (slash != std::string_view::npos &&
            snapshot_->provider(target.substr(0, slash)) != nullptr) {
            names.push_back(
                {.provider = target.substr(0, slash), .model = target.substr(slash + 1)});
        }
    };
    for (const config::ModelAlias& alias : snapshot_->settings_.models) {
        for (const config::ModelTarget& target : alias.targets) {
            name(target.model);
        }
        if (alias.shadow) {
            name(alias.shadow->model);
        }
    }
    snapshot_->vocabulary_ = metrics::Vocabulary::grown(context_.previous_vocabulary, names);
    for (Provider& provider : snapshot_->providers_) {
        provider.label = snapshot_->vocabulary_->provider(provider.settings.name);
    }
}

void SnapshotBuilder::check_target(const std::string& path, const std::string& target) {
    Route ignored;
    if (!snapshot_->aliases_.contains(target) && !snapshot_->resolve_plain(target, ignored)) {
        problem(path, "the target '" + target +
                          "' names no enabled provider and no alias; write provider/model");
    }
}

void SnapshotBuilder::check_aliases() {
    for (const config::ModelAlias& alias : snapshot_->settings_.models) {
        for (const config::ModelTarget& target : alias.targets) {
            check_target("models." + alias.name, target.model);
        }
        if (alias.shadow) {
            check_target("models." + alias.name + ".shadow.model", alias.shadow->model);
        }
    }
}

void SnapshotBuilder::read_catalog() {
    const auto catalog_name = [](const Provider& provider) {
        const std::string& other = provider.settings.price.catalog;
        return other.empty() ? provider.vendor.name : std::string_view(other);
    };
    const catalog::Catalog::Wanted wanted = [&](std::string_view name) {
        return std::ranges::any_of(snapshot_->providers_, [&](const Provider& provider) {
            return catalog_name(provider) == name;
        });
    };
    const std::string& path = snapshot_->settings_.catalog;
    if (path.empty()) {
        snapshot_->catalog_ = catalog::Catalog::built_in(wanted);
    } else if (auto text = context_.read_file(path); !text) {
        problem("catalog", "'" + path + "' cannot be read: " + text.error());
    } else if (auto read = catalog::Catalog::read(*text, wanted, catalog::Catalog::Check::all);
               !read) {
        problem("catalog",
                path + ":" + std::to_string(read.error().line) + ": " + read.error().text);
    } else {
        snapshot_->catalog_ = std::move(*read);
    }
    for (Provider& provider : snapshot_->providers_) {
        const std::string_view region = provider.vendor.dialect == adapters::DialectName::bedrock
                                            ? std::string_view(provider.endpoint.location)
                                            : std::string_view();
        const catalog::Vendor* const vendor = snapshot_->catalog_.vendor(catalog_name(provider));
        if (vendor == nullptr && !provider.settings.price.catalog.empty() && problems_.empty()) {
            problem("providers." + provider.settings.name + ".price.catalog",
                    "'" + provider.settings.price.catalog + "' is no vendor of the model catalog");
        }
        provider.prices = ModelPrices(vendor, provider.settings, snapshot_->settings_.cost, region);
    }
    warn_of_unpriced();
}

// Of the models that the configuration names: what clients may ask for beyond them is only known
// when they do.
void SnapshotBuilder::warn_of_unpriced() {
    const auto warn = [&](const std::string& path, const Provider& provider,
                          std::string_view model) {
        const catalog::Model* const known = provider.prices.find(model);
        if (provider.prices.is_priced(known)) {
            return;
        }
        std::string name = provider.settings.name + "/" + std::string(model);
        std::string text = "the model '" + name + "' ";
        text += provider.prices.why_unpriced(known);
        text += ": what it uses is counted as unpriced; set cost.prices." + name +
                ", or providers." + provider.settings.name + ".price.free";
        const bool seen = std::ranges::any_of(
            snapshot_->warnings_, [&](const Problem& warning) { return warning.text == text; });
        if (!seen) {
            snapshot_->warnings_.push_back(snapshot_->settings_.source.problem(path, text));
        }
    };
    for (const Provider& provider : snapshot_->providers_) {
        if (!provider.usable) {
            continue;
        }
        const std::string path = "providers." + provider.settings.name;
        if (!provider.default_model.empty()) {
            warn(path, provider, provider.default_model);
        }
        for (const std::string& id : provider.settings.models) {
            warn(path + ".models", provider, id);
        }
    }
    for (const config::ModelAlias& alias : snapshot_->settings_.models) {
        for (const config::ModelTarget& target : alias.targets) {
            const std::string_view text = target.model;
            const std::size_t slash = text.find('/');
            const Provider* const provider = slash == std::string_view::npos
                                                 ? nullptr
                                                 : snapshot_->provider(text.substr(0, slash));
            if (provider != nullptr && provider->usable) {
                warn("models." + alias.name, *provider, text.substr(slash + 1));
            }
        }
    }
}

void SnapshotBuilder::check_auto() {
    const config::AutoRouter& automatic = snapshot_->settings_.router.automatic;
    for (std::size_t i = 0; i < automatic.rules.size(); ++i) {
        for (const std::string& target : automatic.rules[i].to) {
            check_target("router.auto.rules[" + std::to_string(i) + "].to", target);
        }
    }
    for (const auto& [task, targets] : automatic.tasks) {
        for (const std::string& target : targets) {
            check_target("router.auto.tasks." + task, target);
        }
    }
    for (const std::string& target : automatic.candidates) {
        check_target("router.auto.candidates", target);
    }
}

std::expected<SnapshotPtr, std::vector<Problem>> Snapshot::build(config::Settings settings,
                                                                 const BuildContext& context) {
    SnapshotBuilder builder(std::move(settings), context);
    return builder.build();
}

}  // namespace tollgate::router
