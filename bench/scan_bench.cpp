// What it costs to look at a message: the envelope scanner and the line reader, on the shapes that matter.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "proto/envelope.h"
#include "proto/lines.h"

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

std::string repeated(std::string_view piece, std::size_t size) {
  std::string text;
  while (text.size() < size) text += piece;
  return text;
}

std::string result_with_text(const std::string& text) {
  return R"({"jsonrpc":"2.0","id":41,"result":{"content":[{"type":"text","text":")" + text + R"("}]}})";
}

std::string small_call() {
  return R"({"jsonrpc":"2.0","id":1234,"method":"tools/call","params":{"name":"read_file",)"
         R"("arguments":{"path":"/home/u/p/a.c"},"_meta":{"progressToken":1234}}})";
}

std::string plain_text() {
  return result_with_text(repeated("the quick brown fox jumps over it ", mebibyte));
}

std::string source_code() {
  return result_with_text(
      repeated(R"(  if (argc > 1) {\n    printf(\"usage: %s [-v] file\\n\", argv[0]);\n    return 2;\n  }\n)",
               mebibyte));
}

std::string chinese_text() {
  return result_with_text(repeated("协议上下文模型服务器，会话。", mebibyte));
}

std::string tool_list() {
  const std::string_view tool =
      R"({"name":"edit","description":"Edits a file in place.","inputSchema":{"type":"object","properties":)"
      R"({"path":{"type":"string"},"line":{"type":"integer","minimum":1},"dry":{"type":"boolean"}},)"
      R"("required":["path","line"]}},)";
  std::string tools = repeated(tool, std::size_t{64} << 10);
  tools.pop_back();
  return R"({"jsonrpc":"2.0","id":2,"result":{"tools":[)" + tools + "]}}";
}

void scan_message(benchmark::State& state, const std::string& message) {
  for (auto _ : state) {
    auto envelope = proto::scan(message);
    benchmark::DoNotOptimize(envelope);
    if (!envelope) state.SkipWithError("the scanner refused it");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

// Feeds the stream in chunks as a pipe would, and lets go of each line at once.
void read_lines(benchmark::State& state, const std::string& stream) {
  proto::LineReader reader(std::size_t{64} << 20);
  std::int64_t lines = 0;
  for (auto _ : state) {
    for (std::size_t at = 0; at < stream.size();) {
      const auto room = reader.room();
      const std::size_t count = std::min({room.size(), stream.size() - at, std::size_t{64} << 10});
      std::memcpy(room.data(), stream.data() + at, count);
      reader.filled(count);
      at += count;
      while (auto line = reader.next()) {
        benchmark::DoNotOptimize(line->bytes.text);
        ++lines;
      }
    }
  }
  state.SetItemsProcessed(lines);
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.size()));
}

BENCHMARK_CAPTURE(scan_message, small_call, small_call());
BENCHMARK_CAPTURE(scan_message, tool_list_64_KiB, tool_list());
BENCHMARK_CAPTURE(scan_message, plain_text_1_MiB, plain_text());
BENCHMARK_CAPTURE(scan_message, source_code_1_MiB, source_code());
BENCHMARK_CAPTURE(scan_message, chinese_text_1_MiB, chinese_text());

BENCHMARK_CAPTURE(read_lines, small_calls, repeated(small_call() + "\n", mebibyte));
BENCHMARK_CAPTURE(read_lines, lines_of_1_MiB, plain_text() + "\n");
BENCHMARK_CAPTURE(read_lines, lines_of_16_MiB, repeated("0123456789abcdef", 16 * mebibyte) + "\n");

}  // namespace
