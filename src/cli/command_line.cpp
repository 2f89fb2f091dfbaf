#include "cli/command_line.h"

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace cli {

namespace {

constexpr std::array everywhere = {
    Flag{"--home", "", "DIR", "keep everything under DIR (also: HEARTH_HOME)"},
    Flag{"--help", "-h", "", "show this"},
};
constexpr Flag version_flag = {"--version", "", "", "show the version"};

const Flag* find_flag(std::span<const Flag> flags, std::string_view word) {
  for (const Flag& flag : flags) {
    if (flag.name == word || (!flag.letter.empty() && flag.letter == word)) return &flag;
  }
  return nullptr;
}

std::string listed(std::string_view before, std::string_view quoted_word, std::string_view after) {
  std::string text(before);
  text.append("'").append(quoted_word).append("'").append(after);
  return text;
}

void append_padded(std::string& out, std::string_view text, std::size_t width) {
  out.append(text).append(text.size() < width ? width - text.size() : 1, ' ');
}

std::string shape_of(const Flag& flag) {
  std::string shape;
  if (!flag.letter.empty()) shape.append(flag.letter).append(", ");
  shape.append(flag.name);
  if (!flag.value.empty()) shape.append(" ").append(flag.value);
  return shape;
}

void append_flags(std::string& out, std::span<const Flag> flags) {
  for (const Flag& flag : flags) {
    out += "  ";
    append_padded(out, shape_of(flag), 22);
    out.append(flag.help).append(flag.repeat == Repeat::many ? " (may be repeated)\n" : "\n");
  }
}

std::string usage_of(const Command& command) {
  std::string usage = "hearth ";
  usage += command.name;
  for (const Flag& flag : command.flags) {
    usage.append(" [").append(flag.letter.empty() ? flag.name : flag.letter);
    if (!flag.value.empty()) usage.append(" ").append(flag.value);
    usage.append(flag.repeat == Repeat::many ? "]..." : "]");
  }
  if (!command.words.shown.empty()) usage.append(" ").append(command.words.shown);
  return usage;
}

}  // namespace

bool Arguments::has(std::string_view flag) const {
  return std::ranges::any_of(given_, [&](const Given& given) { return given.flag == flag; });
}

std::string_view Arguments::value(std::string_view flag) const {
  for (const Given& given : given_) {
    if (given.flag == flag) return given.value;
  }
  return {};
}

std::vector<std::string_view> Arguments::values(std::string_view flag) const {
  std::vector<std::string_view> found;
  for (const Given& given : given_) {
    if (given.flag == flag) found.push_back(given.value);
  }
  return found;
}

std::optional<std::string> Arguments::home_wanted() const {
  return home.empty() ? std::nullopt : std::optional<std::string>(home);
}

class Reader {
 public:
  using Refusal = std::expected<void, std::string>;

  Reader(std::span<const Command> table, std::span<const char* const> words) : table_(table), words_(words) {}

  std::expected<Arguments, std::string> read() {
    while (at_ < words_.size()) {
      const std::string_view word = words_[at_++];
      if (Refusal taken = take(word); !taken) return std::unexpected(std::move(taken.error()));
      if (verbatim_) break;
    }
    for (; at_ < words_.size(); ++at_) out_.words.emplace_back(words_[at_]);
    if (Refusal counted = count_words(); !counted) return std::unexpected(std::move(counted.error()));
    return std::move(out_);
  }

 private:
  Refusal take(std::string_view word) {
    if (word == "--" && out_.command != nullptr) {
      verbatim_ = true;
      return {};
    }
    if (word.size() > 1 && word.front() == '-') return take_flag(word);
    if (out_.command == nullptr) return take_command(word);
    out_.words.push_back(word);
    verbatim_ = out_.command->words.verbatim;
    return {};
  }

  Refusal take_command(std::string_view word) {
    for (const Command& command : table_) {
      if (command.name == word) {
        out_.command = &command;
        return {};
      }
    }
    std::vector<std::string_view> names;
    for (const Command& command : table_) names.push_back(command.name);
    return refused("there is no command ", word, names);
  }

  Refusal take_flag(std::string_view word) {
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
    const std::string_view name = word.substr(0, equals);
    const Flag* flag = find_flag(everywhere, name);
    if (flag == nullptr && out_.command != nullptr) flag = find_flag(out_.command->flags, name);
    if (flag == nullptr && out_.command == nullptr && name == version_flag.name) flag = &version_flag;
    if (flag == nullptr) return unknown_flag(name);

    std::string_view value;
    if (flag->value.empty() && equals != std::string_view::npos) {
      return std::unexpected(listed("", flag->name, " takes no value"));
    }
    if (!flag->value.empty()) {
      if (equals == std::string_view::npos && at_ >= words_.size()) {
        return std::unexpected(listed("", flag->name, " needs a value: ").append(shape_of(*flag)));
      }
      value = equals == std::string_view::npos ? words_[at_++] : word.substr(equals + 1);
      if (value.empty()) return std::unexpected(listed("the value of ", flag->name, " is empty"));
    }
    return note(*flag, value);
  }

  Refusal note(const Flag& flag, std::string_view value) {
    if (flag.name == "--help") {
      out_.help = true;
    } else if (flag.name == version_flag.name) {
      out_.version = true;
    } else if (flag.name == "--home") {
      out_.home = value;
    } else {
      if (flag.repeat == Repeat::once && out_.has(flag.name)) {
        return std::unexpected(listed("", flag.name, " is given twice"));
      }
      out_.given_.push_back({flag.name, value});
    }
    return {};
  }

  Refusal unknown_flag(std::string_view name) const {
    std::vector<std::string_view> names = {version_flag.name};
    for (const Flag& flag : everywhere) names.push_back(flag.name);
    if (out_.command == nullptr) return refused("there is no option ", name, names);
    names.erase(names.begin());
    for (const Flag& flag : out_.command->flags) names.push_back(flag.name);
    std::string before = "'hearth ";
    before.append(out_.command->name).append("' has no option ");
    return refused(before, name, names);
  }

  static Refusal refused(std::string_view before, std::string_view word,
                         const std::vector<std::string_view>& names) {
    std::string text = listed(before, word, "");
    if (const auto meant = base::nearest(word, names)) {
      text.append("; did you mean '").append(*meant).append("'?");
    }
    return std::unexpected(std::move(text));
  }

  Refusal count_words() const {
    if (out_.command == nullptr || out_.help) return {};
    const Words& expected = out_.command->words;
    if (out_.words.size() < expected.least) {
      std::string text = listed("", out_.command->name, " needs ");
      return std::unexpected(text.append(expected.shown).append(": ").append(usage_of(*out_.command)));
    }
    if (!expected.verbatim && out_.words.size() > expected.most) {
      return std::unexpected(listed("unexpected argument ", out_.words[expected.most], ""));
    }
    return {};
  }

  std::span<const Command> table_;
  std::span<const char* const> words_;
  std::size_t at_ = 0;
  bool verbatim_ = false;
  Arguments out_;
};

std::expected<Arguments, std::string> parse(std::span<const Command> table,
                                            std::span<const char* const> words) {
  return Reader(table, words).read();
}

std::string short_help(std::span<const Command> table) {
  std::string out =
      "hearth keeps MCP servers running and shares each one among all the sessions that need it.\n\n"
      "Usage: hearth [--home DIR] COMMAND ...\n\n";
  for (const Command& command : table) {
    if (command.brief.empty()) continue;
    out += "  ";
    append_padded(out, command.name, 12);
    out.append(command.brief).append("\n");
  }
  out += "\nIn a client's configuration, put 'hearth run --' before the server's own command.\n";
  out += "'hearth COMMAND --help' says more.\n";
  return out;
}

std::string help_of(const Command& command) {
  std::string out = "Usage: ";
  out.append(usage_of(command)).append("\n\n").append(command.help).append("\n");
  append_flags(out, command.flags);
  append_flags(out, everywhere);
  return out;
}

}  // namespace cli
