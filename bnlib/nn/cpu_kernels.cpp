// Batch normalization on the CPU in two passes over memory forward and two backward.
//
// x holds N examples, C channels and S positions: as it is (N, C, S), or, with `last`, row by row
// (N * S, C), which is channels_last, and (N, C) with S = 1.  The formulas are those of formulas.py.
// A channel's sums are taken in float32 over a piece of memory, and in double over the pieces.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <omp.h>
#include <vector>

namespace {

struct Half {  // bfloat16: the upper half of a float32
  uint16_t bits;
};

inline float load(float v) { return v; }
inline float load(Half v) {
  uint32_t wide = uint32_t(v.bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}
inline void store(float& to, float v) { to = v; }
inline void store(Half& to, float v) {  // to the nearest, and of two to the even one
  uint32_t wide;
  std::memcpy(&wide, &v, sizeof wide);
  uint32_t rounded = (wide + 0x7FFF + ((wide >> 16) & 1)) >> 16;
  to.bits = uint16_t((wide & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC0 : rounded);
}

struct Layout {
  int64_t n, c, s;
  bool last;
  int threads;
  int64_t size() const { return n * c * s; }
  int64_t count() const { return n * s; }
};

constexpr int64_t PIECE = 64;  // so many values are added in float32
constexpr int LANES = 32;      // sums of a channel that go side by side

// Calls work(first, end) on parts of 0..items, in as many threads as it is worth.
template <class Work>
void share(const Layout& l, int64_t items, Work work) {
  int threads = l.size() < 32768 ? 1 : int(std::min<int64_t>(l.threads, items));
  if (threads == 1) return work(int64_t(0), items);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int t = 0; t < threads; ++t) work(items * t / threads, items * (t + 1) / threads);
}

// Two sums over each channel, of first(i, c) and second(i, c), where i is a place in x.
template <class First, class Second>
void sums(const Layout& l, double* one, double* two, First first, Second second) {
  std::memset(one, 0, l.c * sizeof(double));
  std::memset(two, 0, l.c * sizeof(double));
  if (l.last) {
    int64_t pieces = (l.count() + PIECE - 1) / PIECE;
    share(l, pieces, [&](int64_t begin, int64_t end) {
      std::vector<float> a(l.c), b(l.c);
      std::vector<double> all(2 * l.c);
      for (int64_t piece = begin; piece < end; ++piece) {
        std::fill(a.begin(), a.end(), 0.f);
        std::fill(b.begin(), b.end(), 0.f);
        int64_t stop = std::min((piece + 1) * PIECE, l.count());
        for (int64_t row = piece * PIECE; row < stop; ++row) {
          float *to_a = a.data(), *to_b = b.data();
#pragma omp simd
          for (int64_t c = 0; c < l.c; ++c) {
            to_a[c] += first(row * l.c + c, c);
            to_b[c] += second(row * l.c + c, c);
          }
        }
        for (int64_t c = 0; c < l.c; ++c) all[c] += a[c], all[l.c + c] += b[c];
      }
#pragma omp critical
      for (int64_t c = 0; c < l.c; ++c) one[c] += all[c], two[c] += all[l.c + c];
    });
    return;
  }
  share(l, l.c, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      float a[LANES] = {}, b[LANES] = {};
      for (int64_t n = 0, taken = 0; n < l.n; ++n) {
        int64_t i = (n * l.c + c) * l.s, stop = i + l.s;
        for (; i + LANES <= stop; i += LANES)
#pragma omp simd
          for (int k = 0; k < LANES; ++k) a[k] += first(i + k, c), b[k] += second(i + k, c);
        for (int k = 0; i < stop; ++i, ++k) a[k] += first(i, c), b[k] += second(i, c);
        taken += l.s;
        if (taken < PIECE * LANES && n < l.n - 1) continue;
        for (int k = 0; k < LANES; ++k) {
          one[c] += a[k], two[c] += b[k];
          a[k] = b[k] = 0;
        }
        taken = 0;
      }
    }
  });
}

// Calls write(i, c) for every place i of x.
template <class Write>
void each(const Layout& l, Write write) {
  int64_t rows = l.last ? l.count() : l.n * l.c;
  share(l, rows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      if (l.last) {
#pragma omp simd
        for (int64_t c = 0; c < l.c; ++c) write(row * l.c + c, c);
      } else {
        int64_t c = row % l.c, start = row * l.s;
#pragma omp simd
        for (int64_t i = start; i < start + l.s; ++i) write(i, c);
      }
  });
}

template <class T>
void forward(const Layout& l, const T* x, const float* gamma, const float* beta, double eps,
             bool given, float* mu, float* var, float* rstd, T* y) {
  auto zero = [](int64_t, int64_t) { return 0.f; };
  std::vector<double> total(l.c), unused(l.c);
  std::vector<float> scale(l.c), shift(l.c);
  if (!given) {
    sums(l, total.data(), unused.data(), [=](int64_t i, int64_t) { return load(x[i]); }, zero);
    for (int64_t c = 0; c < l.c; ++c) mu[c] = float(total[c] / l.count());
    auto square = [=](int64_t i, int64_t c) {
      float centred = load(x[i]) - mu[c];
      return centred * centred;
    };
    sums(l, total.data(), unused.data(), square, zero);
    for (int64_t c = 0; c < l.c; ++c) var[c] = float(total[c] / l.count());
  }
  for (int64_t c = 0; c < l.c; ++c) {
    rstd[c] = float(1 / std::sqrt(double(var[c]) + eps));
    scale[c] = gamma ? rstd[c] * gamma[c] : rstd[c];
    shift[c] = beta ? beta[c] : 0;
  }
  const float *a = scale.data(), *b = shift.data();
  each(l, [=](int64_t i, int64_t c) { store(y[i], (load(x[i]) - mu[c]) * a[c] + b[c]); });
}

template <class T>
void backward(const Layout& l, const T* dy, const T* x, const float* gamma, const float* mu,
              const float* rstd, bool fixed, float* dgamma, float* dbeta, T* dx) {
  std::vector<double> products(l.c), total(l.c);
  std::vector<float> own(l.c), others(l.c), constant(l.c);
  sums(
      l, products.data(), total.data(),
      [=](int64_t i, int64_t c) { return load(dy[i]) * (load(x[i]) - mu[c]); },
      [=](int64_t i, int64_t) { return load(dy[i]); });
  for (int64_t c = 0; c < l.c; ++c) {  // dx = own dy + others (x - mu) + constant
    dgamma[c] = float(products[c] * rstd[c]);
    dbeta[c] = float(total[c]);
    own[c] = gamma ? rstd[c] * gamma[c] : rstd[c];
    others[c] = fixed ? 0 : float(-own[c] * rstd[c] * (dgamma[c] / l.count()));
    constant[c] = fixed ? 0 : float(-own[c] * (total[c] / l.count()));
  }
  const float *k = own.data(), *m = others.data(), *b = constant.data();
  if (fixed)  // x may be infinite: 0 times it is no 0
    each(l, [=](int64_t i, int64_t c) { store(dx[i], load(dy[i]) * k[c]); });
  else
    each(l, [=](int64_t i, int64_t c) {
      store(dx[i], load(dy[i]) * k[c] + (load(x[i]) - mu[c]) * m[c] + b[c]);
    });
}

}  // namespace

#define BNLIB_KERNELS(T, NAME)                                                                     \
  extern "C" void forward_##NAME(int64_t n, int64_t c, int64_t s, int last, int threads,           \
                                 const T* x, const float* gamma, const float* beta, double eps,    \
                                 int given, float* mu, float* var, float* rstd, T* y) {            \
    forward(Layout{n, c, s, bool(last), threads}, x, gamma, beta, eps, given, mu, var, rstd, y);   \
  }                                                                                                \
  extern "C" void backward_##NAME(int64_t n, int64_t c, int64_t s, int last, int threads,          \
                                  const T* dy, const T* x, const float* gamma, const float* mu,    \
                                  const float* rstd, int fixed, float* dgamma, float* dbeta,       \
                                  T* dx) {                                                         \
    backward(Layout{n, c, s, bool(last), threads}, dy, x, gamma, mu, rstd, fixed, dgamma, dbeta,   \
             dx);                                                                                  \
  }

BNLIB_KERNELS(float, float32)
BNLIB_KERNELS(Half, bfloat16)
