// What an object points at, for classes that are written member by member (save/codec.h).
#pragma once

#include <memory>
#include <utility>

#include "save/codec.h"

namespace save {

// What belongs to another object, or is not written at all: whoever reads says anew where it is.
template <class T>
struct Elsewhere {
  T* at = nullptr;

  T& operator*() const { return *at; }
  T* operator->() const { return at; }
};

template <class T>
struct Codec<Elsewhere<T>> {
  static void write(Writer& writer, const Elsewhere<T>&) { writer.list(0); }
  static void read(Reader& reader, Elsewhere<T>&) {
    if (reader.list() != 0) reader.fail("there is something where nothing belongs");
  }
};

// What is written from where it is, without a copy, and so must stay as it is until then; who reads it has
// one of its own.
template <class T>
struct Lent {
  Lent() = default;
  explicit Lent(const T& owners) : from(&owners) {}

  const T* from = nullptr;
  std::unique_ptr<T> own = nullptr;

  T take() { return own ? std::move(*own) : T(); }
};

template <class T>
struct Codec<Lent<T>> {
  static void write(Writer& writer, const Lent<T>& lent) {
    save::write(writer, lent.from != nullptr ? *lent.from : *lent.own);
  }
  static void read(Reader& reader, Lent<T>& lent) {
    lent.own = std::make_unique<T>();
    save::read(reader, *lent.own);
  }
};

}  // namespace save
