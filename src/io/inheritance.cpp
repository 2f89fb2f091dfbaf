#include "io/inheritance.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string_view>

#include "io/confinement.h"
#include "io/descriptor.h"

namespace io {

namespace {

using Number = std::optional<std::int64_t>;

// Machines with more CPUs than this keep an affinity that cannot be read.
constexpr std::size_t cpus_max = 8192;
constexpr std::size_t bits_per_word = std::numeric_limits<unsigned long>::digits;

// The first limit of open files on a usual login, and the hard one that systemd gives.
constexpr rlim_t usual_open_files = 1024;
constexpr rlim_t usual_open_files_most = 524288;
constexpr rlim_t usual_stack = rlim_t{8} << 20;

// --- files of one number below /proc/self, with system calls only

template <int Base>
Number read_number(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 32> text;
  const ssize_t got = read(file, text.data(), text.size());
  close(file);
  std::int64_t number = 0;
  if (got <= 0 || std::from_chars(text.data(), text.data() + got, number, Base).ec != std::errc()) return {};
  return number;
}

void write_number(const char* path, std::int64_t number) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  // The files of a process that cannot be dumped are root's. After exec it can be dumped in any case.
  const int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  if (dumpable == 0) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file >= 0) {
    [[maybe_unused]] const ssize_t ignored =
        write(file, text.data(), static_cast<std::size_t>(end - text.data()));
    close(file);
  }
  if (dumpable == 0) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// --- each setting

Number read_umask() {
  const mode_t mask = umask(0);
  umask(mask);
  return mask;
}

Number read_nice() {
  errno = 0;
  const int nice = getpriority(PRIO_PROCESS, 0);
  if (nice == -1 && errno != 0) return {};
  return nice;
}

// The policy, and from the ninth bit on the priority that real-time policies have.
Number read_scheduling() {
  const int policy = sched_getscheduler(0);
  sched_param parameters{};
  if (policy < 0 || sched_getparam(0, &parameters) != 0) return {};
  return (policy & ~SCHED_RESET_ON_FORK) | (parameters.sched_priority << 8);
}

void set_scheduling(std::int64_t value) {
  sched_param parameters{};
  parameters.sched_priority = static_cast<int>(value >> 8);
  sched_setscheduler(0, static_cast<int>(value & 0xff), &parameters);
}

constexpr int io_priority_of_process = 1;    // IOPRIO_WHO_PROCESS
constexpr std::int64_t io_class_shift = 13;  // IOPRIO_CLASS_SHIFT; class 0: as the nice value says.

Number read_io_priority() {
  const long priority = syscall(SYS_ioprio_get, io_priority_of_process, 0);
  if (priority < 0) return {};
  return (priority >> io_class_shift) == 0 ? 0 : priority;
}

Number read_timer_slack() {
  const int slack = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
  if (slack <= 0) return {};
  return slack;
}

constexpr unsigned long only_ask = 0xffffffff;  // Of personality().

Number read_personality() {
  const int personality_now = personality(only_ask);
  if (personality_now < 0) return {};
  return personality_now;
}

Number read_thp_disable() {
  const int disabled = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
  if (disabled < 0) return {};
  return disabled;
}

// A daemon that was built with ThreadSanitizer needs the addresses that its starter chose.
#ifdef __SANITIZE_THREAD__
constexpr Number usual_personality = std::nullopt;
#else
constexpr Number usual_personality = PER_LINUX;
#endif

struct Setting {
  std::string_view name;
  Number standard;  // Of a fresh login; absent: as it is.
  Number (*read)();
  void (*set)(std::int64_t value);
};

// Policy before nice: real-time policies have no use for it.
constexpr std::array settings = {
    Setting{"umask", 022, read_umask, [](std::int64_t mask) { umask(static_cast<mode_t>(mask & 0777)); }},
    Setting{"scheduling", SCHED_OTHER, read_scheduling, set_scheduling},
    Setting{"nice", 0, read_nice,
            [](std::int64_t nice) {
              if (getpriority(PRIO_PROCESS, 0) != nice) setpriority(PRIO_PROCESS, 0, static_cast<int>(nice));
            }},
    Setting{"io_priority", 0, read_io_priority,
            [](std::int64_t value) { syscall(SYS_ioprio_set, io_priority_of_process, 0, value); }},
    Setting{"oom_score_adj", 0, [] { return read_number<10>("/proc/self/oom_score_adj"); },
            [](std::int64_t value) { write_number("/proc/self/oom_score_adj", value); }},
    Setting{"timer_slack", 50000, read_timer_slack,
            [](std::int64_t slack) { prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack), 0, 0, 0); }},
    Setting{"personality", usual_personality, read_personality,
            [](std::int64_t value) { personality(static_cast<unsigned long>(value)); }},
    Setting{"coredump_filter", 0x33, [] { return read_number<16>("/proc/self/coredump_filter"); },
            [](std::int64_t value) { write_number("/proc/self/coredump_filter", value); }},
    Setting{
        "thp_disable", 0, read_thp_disable,
        [](std::int64_t value) { prctl(PR_SET_THP_DISABLE, static_cast<unsigned long>(value), 0, 0, 0); }},
};

// --- limits

using Resource = __rlimit_resource;

struct LimitName {
  std::string_view name;
  Resource resource;
};

constexpr std::array limit_names = {
    LimitName{"cpu", RLIMIT_CPU},           LimitName{"fsize", RLIMIT_FSIZE},
    LimitName{"data", RLIMIT_DATA},         LimitName{"stack", RLIMIT_STACK},
    LimitName{"core", RLIMIT_CORE},         LimitName{"rss", RLIMIT_RSS},
    LimitName{"nproc", RLIMIT_NPROC},       LimitName{"nofile", RLIMIT_NOFILE},
    LimitName{"memlock", RLIMIT_MEMLOCK},   LimitName{"as", RLIMIT_AS},
    LimitName{"locks", RLIMIT_LOCKS},       LimitName{"sigpending", RLIMIT_SIGPENDING},
    LimitName{"msgqueue", RLIMIT_MSGQUEUE}, LimitName{"nice", RLIMIT_NICE},
    LimitName{"rtprio", RLIMIT_RTPRIO},     LimitName{"rttime", RLIMIT_RTTIME},
};

// Limits that would end or starve a process which runs for others. The rest stay as a login set them.
constexpr std::array hard_limits_shed = {RLIMIT_CPU,   RLIMIT_FSIZE, RLIMIT_DATA,  RLIMIT_RSS,
                                         RLIMIT_NPROC, RLIMIT_AS,    RLIMIT_LOCKS, RLIMIT_RTTIME};

std::optional<std::uint64_t> bound_of(rlim_t value) {
  if (value > static_cast<rlim_t>(std::numeric_limits<std::int64_t>::max())) return {};
  return value;
}

rlim_t value_of(const std::optional<std::uint64_t>& bound) {
  return bound ? static_cast<rlim_t>(*bound) : RLIM_INFINITY;
}

// The hard limit to `most`, if the kernel allows it; the soft one to `soft`, as far as that goes.
void raise_limit(Resource resource, rlim_t most, rlim_t soft) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return;
  const rlim_t hard = std::max(limit.rlim_max, most);
  const rlimit raised{.rlim_cur = std::min(soft, hard), .rlim_max = hard};
  if (setrlimit(resource, &raised) == 0) return;
  limit.rlim_cur = std::min(soft, limit.rlim_max);
  setrlimit(resource, &limit);
}

// The hard limit, or unlimited where this process may raise it.
std::optional<std::uint64_t> reachable(Resource which) {
  rlimit limit{};
  if (getrlimit(which, &limit) != 0) return {};
  if (!bound_of(limit.rlim_max)) return {};
  // The kernel has a limit of its own for open files, so one more is what shows the right to raise it.
  const rlimit more{.rlim_cur = limit.rlim_cur, .rlim_max = limit.rlim_max + 1};
  if (setrlimit(which, &more) != 0) return bound_of(limit.rlim_max);
  setrlimit(which, &limit);
  return {};
}

// --- affinity

std::vector<unsigned long> own_cpus() {
  std::vector<unsigned long> mask(cpus_max / bits_per_word);
  const long bytes = syscall(SYS_sched_getaffinity, 0, mask.size() * sizeof mask[0], mask.data());
  if (bytes <= 0) return {};
  return mask;
}

bool has(const std::vector<unsigned long>& mask, std::size_t cpu) {
  const std::size_t word = cpu / bits_per_word;
  return word < mask.size() && ((mask[word] >> (cpu % bits_per_word)) & 1U) != 0;
}

std::string text_of(const std::vector<unsigned long>& mask) {
  std::string text;
  for (std::size_t cpu = 0; cpu < cpus_max; ++cpu) {
    if (!has(mask, cpu)) continue;
    const std::size_t first = cpu;
    while (has(mask, cpu + 1)) ++cpu;
    text += (text.empty() ? "" : ",") + std::to_string(first);
    if (cpu != first) text += '-' + std::to_string(cpu);
  }
  return text;
}

// Empty when the text is not understood.
std::vector<unsigned long> mask_of(std::string_view text) {
  std::vector<unsigned long> mask;
  while (!text.empty()) {
    const std::string_view range = text.substr(0, text.find(','));
    text.remove_prefix(std::min(range.size() + 1, text.size()));
    std::size_t first = 0;
    const char* const end = range.data() + range.size();
    auto parsed = std::from_chars(range.data(), end, first);
    if (parsed.ec != std::errc()) return {};
    std::size_t last = first;
    if (parsed.ptr != end) {
      if (*parsed.ptr != '-') return {};
      parsed = std::from_chars(parsed.ptr + 1, end, last);
      if (parsed.ec != std::errc() || parsed.ptr != end) return {};
    }
    if (last < first || last >= cpus_max) return {};
    mask.resize(std::max(mask.size(), last / bits_per_word + 1));
    for (std::size_t cpu = first; cpu <= last; ++cpu)
      mask[cpu / bits_per_word] |= 1UL << (cpu % bits_per_word);
  }
  return mask;
}

}  // namespace

base::Inheritance own_inheritance() {
  base::Inheritance own;
  for (const Setting& setting : settings) {
    if (const Number value = setting.read()) own.settings.emplace(setting.name, *value);
  }
  for (const LimitName& each : limit_names) {
    rlimit limit{};
    if (getrlimit(each.resource, &limit) != 0) continue;
    own.limits.emplace(each.name, base::Limit{bound_of(limit.rlim_cur), bound_of(limit.rlim_max)});
  }
  own.cpus = text_of(own_cpus());
  own.confines = own_confines();
  return own;
}

base::Inheritance inheritance_within_reach() {
  base::Inheritance reach = own_inheritance();
  for (const LimitName& each : limit_names) {
    const auto found = reach.limits.find(std::string(each.name));
    if (found != reach.limits.end()) found->second.hard = reachable(each.resource);
  }
  const auto nice = reach.settings.find("nice");
  if (nice == reach.settings.end() || nice->second <= 0) return reach;
  if (setpriority(PRIO_PROCESS, 0, 0) != 0) return reach;
  setpriority(PRIO_PROCESS, 0, static_cast<int>(std::exchange(nice->second, 0)));
  return reach;
}

void shed_inheritance() {
  for (const Setting& setting : settings) {
    if (setting.standard) setting.set(*setting.standard);
  }
  for (const Resource resource : hard_limits_shed) raise_limit(resource, RLIM_INFINITY, RLIM_INFINITY);
  raise_limit(RLIMIT_NOFILE, usual_open_files_most, usual_open_files);
  raise_limit(RLIMIT_STACK, usual_stack, usual_stack);
  std::array<unsigned long, cpus_max / bits_per_word> all;
  all.fill(~0UL);
  syscall(SYS_sched_setaffinity, 0, sizeof all, all.data());
  constexpr int default_memory_policy = 0;  // MPOL_DEFAULT
  syscall(SYS_set_mempolicy, default_memory_policy, nullptr, 0);
}

void raise_own_limits() {
  for (const LimitName& each : limit_names) {
    if (each.resource == RLIMIT_CORE || each.resource == RLIMIT_STACK) continue;
    const rlim_t most = each.resource == RLIMIT_FSIZE ? RLIM_INFINITY : 0;
    raise_limit(each.resource, most, RLIM_INFINITY);
  }
}

Bequest::Bequest(const base::Inheritance& inheritance) : cpus_(mask_of(inheritance.cpus)) {
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const auto found = inheritance.settings.find(std::string(settings[i].name));
    if (found != inheritance.settings.end()) settings_.emplace_back(i, found->second);
  }
  for (const LimitName& each : limit_names) {
    const auto found = inheritance.limits.find(std::string(each.name));
    if (found == inheritance.limits.end()) continue;
    limits_.emplace_back(each.resource, rlimit{value_of(found->second.soft), value_of(found->second.hard)});
  }
}

void Bequest::apply_settings() const {
  for (const auto& [row, value] : settings_) settings[row].set(value);
  if (!cpus_.empty()) syscall(SYS_sched_setaffinity, 0, cpus_.size() * sizeof cpus_[0], cpus_.data());
}

void Bequest::apply_limits() const {
  for (const auto& [number, wanted] : limits_) {
    const auto resource = static_cast<Resource>(number);
    if (setrlimit(resource, &wanted) == 0) continue;
    rlimit ours{};
    if (getrlimit(resource, &ours) != 0) continue;
    const rlim_t hard = std::min(wanted.rlim_max, ours.rlim_max);
    const rlimit nearest{.rlim_cur = std::min(wanted.rlim_cur, hard), .rlim_max = hard};
    setrlimit(resource, &nearest);
  }
}

}  // namespace io
