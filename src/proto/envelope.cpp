#include "proto/envelope.h"

#include <cstring>
#include <optional>

#include "proto/cursor.h"
#include "proto/spelling.h"

namespace proto {
namespace {

using Key = Cursor::Key;

template <std::size_t N>
bool is(const Key& key, const char (&name)[N]) {
  if (key.escaped) return spells(key.text, {name, N - 1});
  return key.text.size() == N - 1 && std::memcmp(key.text.data(), name, N - 1) == 0;
}

ScanError error_of(Cursor::Fault fault) {
  switch (fault) {
    case Cursor::Fault::utf8:
      return ScanError::not_utf8;
    case Cursor::Fault::depth:
      return ScanError::too_deep;
    case Cursor::Fault::none:
    case Cursor::Fault::syntax:
      break;
  }
  return ScanError::not_json;
}

// One pass over one message. What is wrong with it as a message is only noted, until the whole of it is known
// to be JSON.
class Reading {
 public:
  Reading(std::string_view message, Utf8 utf8) : message_(message), cursor_(message, utf8) {}

  std::expected<Envelope, ScanError> run();
  Span certain_id() const;

 private:
  bool whole();
  bool top_member(const Key& key);
  bool params_member(const Key& key);
  bool params_meta_member(const Key& key);
  bool result_member(const Key& key);
  bool result_meta_member(const Key& key);
  bool related_task(const Key& key);
  bool subscription(const Key& key);

  bool note(Span& span, const Key& key, int depth);
  template <class F>
  bool note_object(Span& span, const Key& key, int depth, F on_member);

  std::expected<Envelope, ScanError> verdict();
  bool is_ambiguous() const;
  bool is_progress() const;
  bool good_id() const;
  char first_of(Span span) const { return span.present() ? message_[span.at] : '\0'; }

  std::string_view message_;
  Cursor cursor_;
  Envelope found_;
  Span version_;
  Span method_;  // With its quotes.
  Span params_meta_;
  Span result_meta_;
  Span related_;
  Span meta_token_;    // params._meta.progressToken
  Span params_token_;  // params.progressToken
  bool ambiguous_ = false;
  bool ambiguous_id_ = false;
  bool ambiguous_params_token_ = false;
};

// Steps over the value and notes where it stood. Two of a name, or one in disguise, are noted too.
bool Reading::note(Span& span, const Key& key, int depth) {
  if (span.present() || key.escaped) ambiguous_ = true;
  const std::size_t at = cursor_.offset();
  if (!cursor_.value(depth)) return false;
  span = {at, cursor_.offset() - at};
  return true;
}

template <class F>
bool Reading::note_object(Span& span, const Key& key, int depth, F on_member) {
  if (cursor_.peek() != '{') return note(span, key, depth);
  if (span.present() || key.escaped) ambiguous_ = true;
  const std::size_t at = cursor_.offset();
  if (!cursor_.members(on_member)) return false;
  span = {at, cursor_.offset() - at};
  return true;
}

bool Reading::top_member(const Key& key) {
  if (is(key, "jsonrpc")) return note(version_, key, 1);
  if (is(key, "id")) {
    if (found_.id.present() || key.escaped) ambiguous_id_ = true;
    return note(found_.id, key, 1);
  }
  if (is(key, "method")) return note(method_, key, 1);
  if (is(key, "params")) {
    return note_object(found_.params, key, 1, [this](const Key& inner) { return params_member(inner); });
  }
  if (is(key, "result")) {
    return note_object(found_.result, key, 1, [this](const Key& inner) { return result_member(inner); });
  }
  if (is(key, "error")) return note(found_.error, key, 1);
  return cursor_.value(1);
}

bool Reading::params_member(const Key& key) {
  if (is(key, "_meta")) {
    return note_object(params_meta_, key, 2, [this](const Key& inner) { return params_meta_member(inner); });
  }
  if (is(key, "requestId")) return note(found_.request_id, key, 2);
  if (is(key, "uri")) return note(found_.uri, key, 2);
  if (is(key, "level")) return note(found_.level, key, 2);
  if (is(key, "taskId")) return note(found_.task_id, key, 2);
  if (is(key, "progressToken")) {
    // It may be anything in another method's parameters, and the method may come later.
    if (params_token_.present() || key.escaped) ambiguous_params_token_ = true;
    params_token_ = {};
    return note(params_token_, {key.text, false}, 2);
  }
  if (is(key, "task")) found_.task = true;
  if (is(key, "requestState")) return note(found_.request_state, key, 2);
  if (is(key, "inputResponses")) found_.responses = true;
  return cursor_.value(2);
}

bool Reading::params_meta_member(const Key& key) {
  if (is(key, "progressToken")) return note(meta_token_, key, 3);
  if (is(key, "io.modelcontextprotocol/related-task")) return related_task(key);
  if (is(key, "io.modelcontextprotocol/subscriptionId")) return subscription(key);
  if (is(key, "io.modelcontextprotocol/protocolVersion")) found_.modern = true;
  return cursor_.value(3);
}

bool Reading::result_member(const Key& key) {
  if (is(key, "resultType")) return note(found_.result_type, key, 2);
  if (!is(key, "_meta")) return cursor_.value(2);
  return note_object(result_meta_, key, 2, [this](const Key& inner) { return result_meta_member(inner); });
}

bool Reading::result_meta_member(const Key& key) {
  if (is(key, "io.modelcontextprotocol/subscriptionId")) return subscription(key);
  return is(key, "io.modelcontextprotocol/related-task") ? related_task(key) : cursor_.value(3);
}

// Spelt with escaped slashes by some, like the one below.
bool Reading::subscription(const Key& key) {
  return note(found_.subscription, {key.text, false}, 3);
}

// Some writers escape every slash, so this key may be spelt with escapes.
bool Reading::related_task(const Key& key) {
  return note_object(related_, {key.text, false}, 3, [this](const Key& inner) {
    return is(inner, "taskId") ? note(found_.related_task, inner, 4) : cursor_.value(4);
  });
}

bool Reading::whole() {
  cursor_.blanks();
  const bool object = cursor_.peek() == '{';
  if (cursor_.peek() == '[') found_.kind = Kind::batch;
  const bool read =
      object ? cursor_.members([this](const Key& key) { return top_member(key); }) : cursor_.value(0);
  if (!read) return false;
  cursor_.blanks();
  return cursor_.at_end();
}

bool Reading::is_progress() const {
  const std::string_view method = found_.method.in(message_);
  return !found_.id.present() && spells(method, "notifications/progress");
}

bool Reading::is_ambiguous() const {
  return ambiguous_ || ambiguous_id_ || (ambiguous_params_token_ && is_progress());
}

bool Reading::good_id() const {
  const char first = first_of(found_.id);
  return first == '"' || first == '-' || (first >= '0' && first <= '9');
}

std::expected<Envelope, ScanError> Reading::verdict() {
  if (found_.kind == Kind::batch) return found_;
  if (first_of(method_) == '"') found_.method = {method_.at + 1, method_.length - 2};
  if (is_ambiguous()) return std::unexpected(ScanError::ambiguous);
  if (version_.present() && version_.in(message_) != "\"2.0\"")
    return std::unexpected(ScanError::not_a_message);
  if (method_.present() && !found_.method.present()) return std::unexpected(ScanError::not_a_message);
  if (found_.id.present() && !good_id()) return std::unexpected(ScanError::bad_id);

  if (method_.present()) {
    found_.kind = found_.id.present() ? Kind::request : Kind::notification;
  } else {
    const bool answers = found_.result.present() || found_.error.present();
    if (!answers || !found_.id.present()) return std::unexpected(ScanError::not_a_message);
    found_.kind = Kind::response;
  }
  const Span meta = found_.kind == Kind::response ? result_meta_ : params_meta_;
  if (first_of(meta) == '{') found_.meta = meta;
  if (found_.kind == Kind::request) found_.progress_token = meta_token_;
  if (is_progress()) found_.progress_token = params_token_;
  return found_;
}

std::expected<Envelope, ScanError> Reading::run() {
  if (!whole()) return std::unexpected(error_of(cursor_.fault()));
  return verdict();
}

// A number may go on where reading stopped; only what follows it proves that it has ended.
Span Reading::certain_id() const {
  if (ambiguous_id_ || !good_id()) return {};
  Cursor behind(message_, Utf8::trusted, found_.id.at + found_.id.length);
  behind.blanks();
  return behind.peek() == ',' || behind.peek() == '}' ? found_.id : Span{};
}

}  // namespace

bool null_params(std::string_view message, const Envelope& envelope) {
  return envelope.params.in(message) == "null";
}

bool good_params(std::string_view message, const Envelope& envelope) {
  return !envelope.params.present() || message[envelope.params.at] == '{' || null_params(message, envelope);
}

std::string_view describe(ScanError error) {
  switch (error) {
    case ScanError::not_json:
      return "the message is not well-formed JSON";
    case ScanError::not_utf8:
      return "the message is not valid UTF-8";
    case ScanError::too_deep:
      return "the message is nested too deeply";
    case ScanError::not_a_message:
      return "the message is JSON, but not a JSON-RPC 2.0 message";
    case ScanError::ambiguous:
      return "the message has a key twice or spelt with escapes that decides who it is for";
    case ScanError::bad_id:
      return "the message has an \"id\" that is neither a string nor a number";
  }
  return "the message cannot be read";
}

std::expected<Envelope, ScanError> scan(std::string_view message) {
  return Reading(message, Utf8::checked).run();
}

Span salvage_id(std::string_view message) {
  // Bytes that are no UTF-8 cannot hide where a string ends, so what stands behind them can still be found.
  Reading reading(message, Utf8::trusted);
  (void)reading.run();
  return reading.certain_id();
}

std::size_t end_of_value(std::string_view message, std::size_t at) {
  if (at >= message.size()) return message.size();
  Cursor cursor(message, Utf8::trusted, at);
  return cursor.value(0) ? cursor.offset() : message.size();
}

}  // namespace proto
