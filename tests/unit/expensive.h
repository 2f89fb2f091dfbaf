// JSON that costs more than its length suggests: deep, wide, of many small values, of long strings.
//
// One generator for all that reads what peers say: tests put these values where a message may hold anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace test {

struct Expensive {
  const char* name;
  std::string value;  // About as long as was asked for.
};

inline std::string repeated(std::string_view one, std::size_t bytes) {
  std::string text;
  text.reserve(bytes + one.size());
  while (text.size() < bytes) text += one;
  return text;
}

// [one,one,…]
inline std::string list_of(std::string_view one, std::size_t bytes) {
  const std::string item = std::string(one) + ',';
  std::string list = '[' + repeated(item, bytes);
  list.back() = ']';
  return list;
}

// {"a0":one,"a1":one,…}
inline std::string members_of(std::string_view one, std::size_t bytes) {
  std::string object = "{";
  for (std::size_t i = 0; object.size() < bytes; ++i) {
    if (i > 0) object += ',';
    object.append("\"a").append(std::to_string(i)).append("\":").append(one);
  }
  return object + '}';
}

// Shapes that a reader of any member may meet.
inline std::vector<Expensive> expensive_values(std::size_t bytes) {
  constexpr std::size_t levels = 200;
  const std::string arrays = std::string(levels, '[') + std::string(levels, ']');
  const std::string objects = repeated(R"({"a":)", 5 * levels) + "1" + std::string(levels, '}');
  return {
      {"small numbers", list_of("1", bytes)},
      {"empty objects", list_of("{}", bytes)},
      {"empty strings", list_of(R"("")", bytes)},
      {"strings", list_of(R"("a:b")", bytes)},
      {"deep arrays", list_of(arrays, bytes)},
      {"deep objects", list_of(objects, bytes)},
      {"members", members_of("1", bytes)},
      {"objects in an object", members_of("{}", bytes)},
      {"one key again and again", "{" + repeated(R"("a":1,)", bytes) + R"("a":1})"},
      {"a long string", '"' + std::string(bytes, 'x') + '"'},
      {"escapes", '"' + repeated(R"(\n\u00e9\")", bytes) + '"'},
      {"foreign characters", '"' + repeated("é😀", bytes) + '"'},
      {"blocks", list_of(R"({"type":"text","text":""})", bytes)},
      {"links", list_of(R"({"type":"resource_link","uri":"a:b","name":"n"})", bytes)},
      {"sounds", list_of(R"({"type":"audio","data":"","mimeType":"m"})", bytes)},
      {"messages", list_of(R"({"role":"user","content":{"type":"text","text":""}})", bytes)},
      {"tools", list_of(R"({"name":"t","inputSchema":{},"outputSchema":{"type":"array"},)"
                        R"("execution":{"taskSupport":"optional"},"annotations":{"readOnlyHint":true}})",
                        bytes)},
      {"tasks", list_of(R"({"taskId":"T","status":"working"})", bytes)},
      {"roots", list_of(R"({"uri":"file:///a"})", bytes)},
      {"elicitations", list_of(R"({"mode":"url","elicitationId":"e","url":"a:b","message":""})", bytes)},
      {"questions", members_of(R"({"method":"roots/list"})", bytes)},
  };
}

}  // namespace test
