// lab/phone_model.h - the day of a phone in numbers: what people do with it and
// what its programs do with memory. docs/reference/phone-day.md says where each
// constant is from.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "quire/types.h"

namespace quire::lab {

// Memory of one kind of an app, in shares of the whole.
struct PhoneKind {
  std::string_view name;
  unsigned share_percent;       // of the app's private memory
  unsigned hot_percent;         // used again at each reopening
  unsigned written_percent;     // of what is used
  unsigned grain_pages;         // what the allocator gives back at once, at most
  std::uint64_t mapping_pages;  // it asks the kernel for so much at once
};

// A class of apps.
struct PhoneApps {
  std::string_view name;
  unsigned count;       // installed and used
  std::uint64_t pages;  // private memory after start, 4 KiB each
  unsigned growth;      // pages a minute in use
};

struct PhoneModel {
  std::array<PhoneKind, 3> kinds{{
      {"java", 35, 45, 70, 64, 65536},
      {"native", 45, 35, 60, 16, 1024},
      {"other", 20, 20, 40, 4, 128},
  }};
  std::array<PhoneApps, 3> apps{{
      {"light", 14, 30'000, 400},
      {"middle", 12, 55'000, 700},
      {"heavy", 4, 110'000, 1'500},
  }};
  std::uint64_t zygote_pages = 16'000;   // touched before the first fork, shared by all apps
  unsigned zygote_written_percent = 12;  // of them each app copies while it starts
  std::uint64_t server_pages = 80'000;   // the system server and the home screen
  unsigned sessions_per_hour = 12;       // an app comes to the front
  unsigned most_alive = 16;              // apps kept; the one unused for longest is killed
  unsigned shortest_session_s = 20, longest_session_s = 420;
  unsigned sample_every_s = 20;        // accessed pages of the app in front
  unsigned hot_used_percent = 40;      // of its hot pages, between two samples
  unsigned cold_used_percent = 6;      // of its other pages, at each reopening
  unsigned background_every_s = 600;   // apps put aside wake up
  unsigned background_percent = 3;     // of their hot pages, each time
  unsigned released_percent = 60;      // of what grew is given back when the app is put aside
  unsigned never_touched_percent = 4;  // pages left out between touched ones
  unsigned cluster_pages = 8;          // that are hot or cold together
  unsigned zipf_percent = 110;         // exponent of how popular apps are, in hundredths
};

// The model's documented state.
[[nodiscard]] constexpr PhoneModel default_phone() { return {}; }

}  // namespace quire::lab
