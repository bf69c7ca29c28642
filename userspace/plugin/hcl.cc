#include "plugin/hcl.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kit/escape.h"

namespace belfry::plugin {
namespace {

constexpr int kDepthLimit = 64;

std::string Shown(const HclToken& token) {
  return token.kind == HclToken::kEnd ? "the end of the text" : absl::StrCat("'", kit::Escape(token.text, 64), "'");
}

class Parser {
 public:
  Parser(std::string_view text, HclForm form) : form_(form), scanner_(text, form) {}

  absl::StatusOr<std::vector<HclSetting>> Parse() {
    if (absl::Status status = Step(); !status.ok()) return status;
    std::vector<HclSetting> settings;
    absl::Status status = form_ == HclForm::kJson ? Object(&settings, 0) : Items(&settings, 0);
    if (!status.ok()) return status;
    if (token_.kind != HclToken::kEnd) return Unexpected("the end of the text");
    return settings;
  }

 private:
  bool Is(char c) const { return token_.kind == HclToken::kPunctuation && token_.text[0] == c; }
  absl::Status Unexpected(absl::string_view expected) const {
    return HclError(token_.at, absl::StrCat("expected ", expected, ", found ", Shown(token_)));
  }
  absl::Status Step() {
    absl::StatusOr<HclToken> next = scanner_.Next();
    if (!next.ok()) return next.status();
    token_ = *std::move(next);
    return absl::OkStatus();
  }
  absl::Status Expect(char c, absl::string_view what) { return Is(c) ? Step() : Unexpected(what); }

  absl::Status Object(std::vector<HclSetting>* out, int depth) {
    if (depth > kDepthLimit) return HclError(token_.at, "nested too deeply", "use at most 64 levels");
    if (absl::Status status = Expect('{', "'{'"); !status.ok()) return status;
    if (absl::Status status = Items(out, depth); !status.ok()) return status;
    return Expect('}', "'}' or another setting");
  }

  absl::Status Items(std::vector<HclSetting>* out, int depth) {
    while (token_.kind != HclToken::kEnd && !Is('}')) {
      if (absl::Status status = Item(out, depth); !status.ok()) return status;
      if (Is(',')) {
        if (absl::Status status = Step(); !status.ok()) return status;
      } else if (form_ == HclForm::kJson && !Is('}')) {
        return Unexpected("',' or '}'");
      }
    }
    return absl::OkStatus();
  }

  bool IsKey() const {
    return token_.kind == HclToken::kString || (form_ == HclForm::kHcl && token_.kind == HclToken::kIdent);
  }

  // `key = value`, `key "label"... { }` or `"key": value`.
  absl::Status Item(std::vector<HclSetting>* out, int depth) {
    if (!IsKey()) return Unexpected("a name");
    HclSetting setting{.name = token_.text, .at = token_.at};
    int keys = 0;
    for (; IsKey(); ++keys) {
      if (keys == 1 && form_ == HclForm::kJson) return Unexpected("':'");
      if (absl::Status status = Step(); !status.ok()) return status;
    }
    const bool assigned = Is(form_ == HclForm::kJson ? ':' : '=');
    if (!assigned && !(form_ == HclForm::kHcl && Is('{'))) {
      return Unexpected(form_ == HclForm::kJson ? "':'" : "'=' or '{'");
    }
    if (assigned && keys > 1) return Unexpected("'{' after a name and its label");
    if (assigned) {
      if (absl::Status status = Step(); !status.ok()) return status;
    }
    if (absl::Status status = Value(setting, depth); !status.ok()) return status;
    if (out != nullptr) out->push_back(std::move(setting));
    return absl::OkStatus();
  }

  absl::Status Value(HclSetting& setting, int depth) {
    setting.value_at = token_.at;
    if (Is('{')) {
      setting.kind = HclSetting::kObject;
      return Object(nullptr, depth + 1);
    }
    if (Is('[')) {
      setting.kind = HclSetting::kList;
      return List(depth + 1);
    }
    switch (token_.kind) {
      case HclToken::kNull:
        setting.kind = HclSetting::kNull;
        break;
      case HclToken::kBool:
        setting.kind = HclSetting::kBool;
        break;
      case HclToken::kNumber:
        setting.kind = HclSetting::kNumber;
        break;
      case HclToken::kFloat:
        setting.kind = HclSetting::kFloat;
        break;
      case HclToken::kString:
        setting.kind = HclSetting::kString;
        break;
      case HclToken::kHeredoc:
        setting.kind = HclSetting::kHeredoc;
        break;
      default:
        return Unexpected("a value");
    }
    setting.text = std::move(token_.text);
    return Step();
  }

  absl::Status List(int depth) {
    if (depth > kDepthLimit) return HclError(token_.at, "nested too deeply", "use at most 64 levels");
    if (absl::Status status = Step(); !status.ok()) return status;
    while (!Is(']')) {
      HclSetting ignored;
      if (!Is(',')) {
        if (absl::Status status = Value(ignored, depth); !status.ok()) return status;
        if (!Is(',') && !Is(']')) return Unexpected("',' or ']'");
      }
      if (Is(',')) {
        if (absl::Status status = Step(); !status.ok()) return status;
      }
    }
    return Step();
  }

  HclForm form_;
  HclScanner scanner_;
  HclToken token_;
};

}  // namespace

absl::StatusOr<std::vector<HclSetting>> ParseHcl(std::string_view text) {
  if (text.size() > kConfigurationLimit) {
    return HclError({}, absl::StrCat(text.size(), " bytes of text"), "keep it below 64 KiB");
  }
  if (!kit::IsValidUtf8(text)) return HclError({}, "the text is not valid UTF-8");
  return Parser(text, FormOf(text)).Parse();
}

}  // namespace belfry::plugin
