// Threads that share the pieces of an operation, and the memory that they keep.
#pragma once
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <immintrin.h>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace {

/// Threads that help with the pieces of an operation. Several operations may share them.
class Helpers {
 public:
  /// Calls `piece(i)` once for every i below `count`, on the caller's thread and on up to `threads - 1` others. Throws
  /// `std::bad_alloc` where a piece did.
  void forEach(long count, int threads, const std::function<void(long)> &piece) {
    Job job{piece, count, threads - 1};
    const bool shared = threads > 1 && count > 1;
    if (shared) {
      std::lock_guard<std::mutex> lock(mutex);
      start(threads - 1);
      jobs.push_back(&job);
      wake.notify_all();
    }
    job.work();
    if (shared) {
      std::unique_lock<std::mutex> lock(mutex);
      jobs.erase(std::find(jobs.begin(), jobs.end(), &job));
      left.wait(lock, [&] { return job.helping == 0; });
    }
    if (job.failed) throw std::bad_alloc();
  }

 private:
  struct Job {
    const std::function<void(long)> &piece;
    const long count;
    const int most;
    std::atomic<long> next{0};
    std::atomic<bool> failed{false};
    /// How the caller's thread treats denormal numbers: the same for all pieces, whichever thread takes them.
    const unsigned int mode = _mm_getcsr();
    /// Helpers at work on it; guarded by `mutex`.
    int helping = 0;

    Job(const std::function<void(long)> &piece, long count, int most) : piece(piece), count(count), most(most) {}
    void work() {
      try {
        for (long i; (i = next.fetch_add(1)) < count;) piece(i);
      } catch (const std::bad_alloc &) {
        failed = true;
      }
    }
  };

  /// Starts threads up to this number; fewer where the system gives no more.
  void start(int most) {
    try {
      for (; started < most; started++) std::thread([this] { help(); }).detach();
    } catch (const std::system_error &) {
    }
  }

  void help() {
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      Job *job = nullptr;
      wake.wait(lock, [&] {
        for (Job *open : jobs)
          if (open->helping < open->most && open->next < open->count) job = open;
        return job != nullptr;
      });
      job->helping++;
      lock.unlock();
      _mm_setcsr(job->mode);
      job->work();
      lock.lock();
      if (--job->helping == 0) left.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable wake, left;
  std::vector<Job *> jobs;
  int started = 0;
};

/// Never destroyed: its threads live until the process ends.
Helpers &helpers() {
  static Helpers *const all = new Helpers;
  return *all;
}

/// Memory that a thread keeps from call to call: the system takes long to hand out fresh pages.
enum class Use { block, filter, turnedFilter, sums };
template <Use>
float *scratch(size_t floats) {
  thread_local std::vector<float> kept;
  if (kept.size() < floats) kept.resize(floats);
  return kept.data();
}

}  // namespace
