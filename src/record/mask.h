// What of a text a recording keeps.
//
// Without contents, one rule holds for everything that clients, servers and people wrote: a string that is
// no word of the protocol (record/words.h) becomes a placeholder, member names included. Equal strings become
// equal placeholders, different ones different ones, by a keyed hash whose key is made for one recording and
// forgotten: so the broker merges, keeps and refuses what it did, and nobody finds the string again, not even
// by trying. Texts of less than 12 bytes are too short for a hash; they get names (record/names.h). Structure
// stays, true, false and null do, and so do numbers that the protocol defines; other numbers become other
// numbers.
//
// A placeholder is as long as what it stands for, since the broker counts bytes that it keeps. It is longer
// where there is no other way: where a recording has met thousands of short texts, or more than there are
// names of one or two letters; and where a short part of a resource or a task would lose its order. Values of
// variables and headers, which no message holds, have 12 bytes at least.
//
// Three things are seen through a placeholder, because the broker goes by them: of a text without blanks,
// which may be an address, each part between "/", "?" and "#" is replaced by itself; the names that Hearth
// makes up stay ("hearth-7", "q1"); and an id that is a number as text stays. Resources, tasks and the values
// of a variable have placeholders of their own, which compare as they do (record/names.h).
//
// A text that is no JSON is treated the same way, piece by piece: strings and numbers as above, every other
// character becomes "?".
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/siphash.h"
#include "record/names.h"
#include "record/pieces.h"

namespace record {

enum class Contents : std::uint8_t { left_out, whole };

class Mask {
 public:
  Mask(Contents contents, base::SipKey key);

  Contents contents() const { return contents_; }

  // All return JSON, to be read with read_text().
  //
  // What a peer wrote: a line, or part of one.
  std::string message(std::string_view text);
  // A request's id by itself, as raw JSON.
  std::string id(std::string_view raw);
  // A resource, as within a message.
  std::string resource(std::string_view uri);
  // A text that is no message: a path, an argument, a sentence about the world. The placeholder is that of
  // the same text within a message.
  std::string text(std::string_view text);
  // Values that no recording holds.
  std::string secret(std::string_view text) const;
  std::string variable(std::string_view name, std::string_view value);
  // A program: what it is stays if it is one that starts others.
  std::string program(std::string_view path);

 private:
  friend class Masking;
  void placeholder(std::string_view text, Pieces& into, Names* names = nullptr);
  void part(std::string_view text, Pieces& into, Names* names = nullptr);
  std::string hashed(std::string_view text) const;
  std::string number(std::string_view spelt);

  Contents contents_;
  base::SipKey key_;
  ShortNames short_texts_, short_numbers_;
  Names resources_, tasks_;
  std::map<std::string, Names, std::less<>> variables_;
};

}  // namespace record
