// Convolution against its definition: every level, element type and pass, on random shapes.

#include "conv/conv_case.h"

using namespace ranvier;
using namespace ranvier::kernels;
using namespace ranvier::testing;

namespace {

ConvShape random_shape(std::mt19937& rng) {
  for (;;) {
    ConvShape s;
    const int rank = static_cast<int>(pick(rng, 1, 3));
    s.batch = pick(rng, 1, 3);
    const int64_t channels[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 24, 33};
    s.groups = pick(rng, 0, 2) == 0 ? pick(rng, 2, 5) : 1;
    s.in_channels = s.groups * channels[pick(rng, 0, s.groups > 1 ? 5 : 11)];
    s.out_channels = s.groups * channels[pick(rng, 0, s.groups > 1 ? 7 : 11)];
    if (pick(rng, 0, 3) == 0) s.out_channels = s.groups * pick(rng, 1, 70);
    const int64_t longest = rank == 1 ? 40 : rank == 2 ? 19 : 8;
    for (int i = 3 - rank; i < 3; ++i) {
      s.in[i] = pick(rng, 1, longest);
      s.filter[i] = pick(rng, 1, 5);
      s.stride[i] = pick(rng, 0, 1) ? 1 : pick(rng, 1, 4);
      s.dilation[i] = pick(rng, 0, 1) ? 1 : pick(rng, 1, 3);
      s.pad_lo[i] = pick(rng, 0, 1) ? 0 : pick(rng, 0, 4);
      s.pad_hi[i] = pick(rng, 0, 1) ? 0 : pick(rng, 0, 4);
    }
    set_output(s);
    if (s.out[0] >= 1 && s.out[1] >= 1 && s.out[2] >= 1) return s;
  }
}

}  // namespace

TEST_CASE("float32 convolution and gradients agree with the definition on random shapes") {
  std::mt19937 rng(1);
  for (int i = 0; i < 120; ++i) check_shape<float>(random_shape(rng), rng);
}

TEST_CASE("float64 convolution and gradients agree with the definition on random shapes") {
  std::mt19937 rng(2);
  for (int i = 0; i < 50; ++i) check_shape<double>(random_shape(rng), rng);
}

TEST_CASE("shapes of known networks, in every variant") {
  std::mt19937 rng(3);
  const ConvShape shapes[] = {
      square(2, 28, 3, 1, 0, 1, 32),          // MNIST, first layer
      square(1, 26, 3, 1, 0, 32, 64),         // MNIST, second layer
      square(1, 31, 7, 2, 3, 3, 64),          // stem
      square(1, 19, 3, 1, 1, 64, 64),         // padded
      square(2, 14, 1, 1, 0, 96, 40),         // 1x1, one long row
      square(2, 14, 1, 2, 0, 48, 80),         // 1x1 strided: empty phases
      square(9, 2, 3, 1, 1, 40, 48),          // gathered
      square(5, 4, 3, 2, 1, 300, 20),         // gathered, several blocks of the sum
      square(1, 9, 3, 1, 1, 900, 16),         // runs cut into pieces
      square(1, 7, 3, 1, 1, 24, 528),         // filter rows far apart
      square(2, 12, 3, 1, 1, 40, 40, 40),     // depthwise
      square(2, 13, 3, 2, 1, 37, 74, 37),     // depthwise, strided, multiplier 2
      square(2, 11, 5, 1, 4, 24, 72, 24, 2),  // depthwise, dilated, multiplier 3
      square(1, 23, 5, 2, 2, 20, 20, 20),     // depthwise, whole and partial blocks of pixels
      square(1, 16, 7, 1, 3, 33, 33, 33),     // depthwise, borders wider than the last block
      square(1, 3, 7, 2, 5, 18, 18, 18),      // depthwise, less pixels than taps
      square(1, 4, 3, 1, 5, 16, 16, 16),      // depthwise, rows that see no pixel
      square(1, 8, 4, 1, 1, 17, 17, 17),      // depthwise, other taps
      square(1, 14, 3, 1, 1, 512, 512, 512),  // depthwise, pixels of one set of the cache
      square(2, 14, 3, 1, 1, 200, 200, 200),  // depthwise, few pixels, cut by channels
      square(1, 20, 5, 1, 2, 70, 140, 70),    // the same, multiplier 2
      square(1, 16, 3, 1, 1, 64, 96, 4),      // groups
  };
  for (const ConvShape& s : shapes) check_shape<float>(s, rng);
}

TEST_CASE("few outputs: several terms of a sum in one vector") {
  std::mt19937 rng(16);
  for (int64_t channels : {1, 2, 3, 5, 8})
    for (int64_t outputs : {1, 2, 3, 4, 5, 7, 8})
      check_shape<float>(square(2, 21, 3, 1, 1, channels, outputs), rng);
  check_shape<float>(square(1, 18, 3, 1, 0, 4, 8), rng);        // rows are not copied
  check_shape<float>(square(1, 17, 3, 2, 1, 3, 8), rng);        // pixels of dx lie apart
  check_shape<float>(square(2, 13, 5, 1, 2, 6, 12, 3), rng);    // so do those of groups
  check_shape<float>(square(1, 14, 3, 1, 2, 3, 4, 1, 2), rng);  // dilated: runs of one pixel
  check_shape<float>(square(1, 12, 3, 1, 1, 301, 6), rng);      // several blocks of the sum
}

TEST_CASE("few outputs: what is not finite stays under its taps") {
  ConvShape s = square(1, 20, 3, 1, 1, 3, 4);
  std::mt19937 rng(17);
  Problem<float> p(s, rng);
  const std::vector<float> clean = expected(p, ConvPass::Forward);
  for (float wild : {static_cast<float>(NAN), static_cast<float>(INFINITY)})
    for (int64_t column : {0, 9, 19}) {
      Problem<float> spoilt = p;
      spoilt.x[(10 * 20 + column) * 3 + 1] = wild;
      for (Isa isa : levels()) {
        const std::vector<float> got = run(spoilt, ConvPass::Forward, isa, Context{});
        for (int64_t i = 0; i < 20 * 20; ++i) {
          const bool under = std::abs(i / 20 - 10) <= 1 && std::abs(i % 20 - column) <= 1;
          for (int64_t f = 0; f < 4; ++f) {
            CAPTURE(i);
            CHECK(std::isfinite(got[i * 4 + f]) == !under);
            if (!under) CHECK(std::abs(got[i * 4 + f] - clean[i * 4 + f]) < 1e-5f);
          }
        }
      }
    }
}

TEST_CASE("strides larger than x") {
  std::mt19937 rng(15);
  for (int64_t groups : {1, 20}) {
    ConvShape s;
    s.batch = 2, s.in_channels = s.out_channels = 20, s.groups = groups;
    s.in = {1, 2, 9}, s.filter = {1, 2, 2}, s.stride = {1, 3, 3}, s.pad_hi = {0, 0, 1};
    set_output(s);
    check_shape<float>(s, rng);
    s.in = {1, 9, 2}, s.pad_hi = {0, 1, 0};
    set_output(s);
    check_shape<float>(s, rng);
  }
}

TEST_CASE("depthwise blocks of seven pixels: every edge, and flat filters of volumes") {
  std::mt19937 rng(14);
  for (int64_t taps : {3, 5, 7})
    for (int64_t size : {7, 14, 21, 22})
      for (int64_t stride : {1, 2})
        check_shape<float>(square(1, size * stride, taps, stride, taps / 2, 40, 40, 40), rng);
  ConvShape volume;
  volume.batch = 2, volume.in_channels = volume.out_channels = volume.groups = 20;
  volume.in = {4, 5, 16}, volume.filter = {1, 3, 3}, volume.stride = {2, 1, 1};
  volume.pad_lo = volume.pad_hi = {1, 1, 1};
  set_output(volume);
  check_shape<float>(volume, rng);
}

TEST_CASE("filters of many weights: products of pixels and of patches") {
  std::mt19937 rng(9);
  ConvShape volume;  // one pixel, strided alike and differently
  volume.batch = 2, volume.in_channels = 257, volume.out_channels = 256;
  volume.in = {3, 4, 5}, volume.stride = {2, 1, 3};
  set_output(volume);
  ConvShape cropped = square(1, 8, 3, 1, 0, 256, 257);
  cropped.pad_lo = {0, 3, 1}, cropped.pad_hi = {0, 0, 2};
  set_output(cropped);
  const auto variants = [](const ConvShape& s, Isa isa = active_isa()) {
    std::string names;
    for (ConvPass pass : {ConvPass::Forward, ConvPass::BackwardData, ConvPass::BackwardFilter})
      names += std::string(prepare_conv(pass, s, DType::F32, isa).variant) + ' ';
    return names;
  };
  const std::pair<ConvShape, const char*> cases[] = {
      {square(2, 5, 1, 1, 0, 160, 416), "product product product "},
      {square(2, 5, 1, 1, 0, 70, 90), "product product product "},
      {square(2, 5, 1, 1, 0, 1, 3), "product product filter, whole rows "},
      {square(2, 7, 1, 2, 0, 200, 330), "patches patches patches "},
      {square(4, 12, 1, 2, 0, 252, 264), "patches patches filter, whole rows "},
      {square(3, 9, 1, 1, 0, 288, 320), "product product filter, whole rows "},
      {volume, "patches patches patches "},
      {square(4, 7, 3, 1, 2, 256, 257, 1, 2), "padded padded filter, by tap "},
      {square(8, 9, 3, 2, 1, 256, 257), "padded gathered filter, by tap "},
      {square(1, 6, 3, 1, 1, 256, 257), "patches patches filter, by tap "},
      {square(1, 4, 3, 1, 1, 64, 1024), "patches patches patches "},
      {square(2, 9, 3, 1, 2, 256, 264, 1, 2), "patches patches filter, by tap "},
      {square(1, 11, 3, 2, 1, 130, 510), "patches direct patches "},
      {square(1, 9, 3, 1, 2, 256, 256, 1, 2), "patches patches filter, by tap "},
      {cropped, "patches padded filter, by tap "},
  };
  ConvShape streamed = square(1, 256, 1, 1, 0, 16, 32);  // images that leave the caches
  streamed.in[1] = 260;
  set_output(streamed);
  CHECK(variants(streamed) == "direct, cut direct, cut filter, whole rows ");
  check_shape<float>(streamed, rng);
  // In a first cache of 8 ways 16 lines hold rows 2 KB apart: of one pixel a product is faster.
  const bool many_ways = cpu_info().l1_data_bytes >= 48 << 10;
  CHECK(variants(square(8, 28, 1, 1, 0, 512, 256)) ==
        (many_ways ? "direct, cut product filter, whole rows " : "direct, cut product product "));
  CHECK(variants(square(8, 28, 1, 1, 0, 508, 256)) == "direct, cut product filter, whole rows ");
  CHECK(variants(square(8, 28, 1, 1, 0, 512, 264)).starts_with("product product"));  // many weights
  CHECK(variants(square(1, 460, 1, 1, 0, 4, 16)).starts_with("product product"));    // few channels
  // Few channels of x, many of dy: the patches of dy would leave the caches, those of x do not.
  CHECK(variants(square(8, 14, 3, 1, 2, 64, 2048, 1, 2)) == "patches padded filter, by tap ");
  const ConvShape spread = square(1, 65, 1, 2, 0, 1040, 64);  // a gradient that leaves the caches
  CHECK(variants(spread).starts_with("patches patches"));
  check_shape<float>(spread, rng);
  // Rows of x or dy 4 KB apart: with a first cache of many ways large tiles sum them in place,
  // unless both are.
  const ConvShape dy_apart = square(3, 7, 1, 1, 0, 64, 1024);
  const ConvShape x_apart = square(4, 14, 3, 2, 1, 512, 128);
  CHECK(variants(dy_apart, Isa::Avx2) == "product product product ");
  CHECK(variants(dy_apart, Isa::Avx512) ==
        (many_ways ? "product product filter, whole rows " : "product product product "));
  CHECK(variants(x_apart, Isa::Avx2) == "patches direct patches ");
  CHECK(variants(x_apart, Isa::Avx512) ==
        (many_ways ? "patches direct filter, by tap " : "patches direct patches "));
  CHECK(variants(square(6, 14, 1, 1, 0, 1024, 1024), Isa::Avx512) == "product product product ");
  for (const ConvShape& s : {dy_apart, x_apart}) check_shape<float>(s, rng);
  // Each half of the outputs reads x again, rather than each part of the filter all of dy.
  CHECK(prepare_conv(ConvPass::BackwardFilter, square(3, 9, 1, 1, 0, 288, 320), DType::F32).splits >
        1);
  for (const auto& [shape, expected] : cases) {
    CHECK(variants(shape) == expected);
    check_shape<float>(shape, rng);
  }
}

TEST_CASE("few channels: shares of the data gradient are added where they overlap") {
  std::mt19937 rng(10);
  ConvShape tall = square(1, 20, 3, 1, 1, 2, 24);  // blocks that share rows of dy
  tall.in[1] = 190;
  ConvShape apart = square(2, 23, 4, 3, 2, 2, 17, 1, 2);  // runs of single taps
  apart.pad_hi = {0, 5, 0};
  ConvShape gaps = square(3, 17, 5, 6, 0, 1, 40);  // pixels of x that no tap meets
  ConvShape sequence;                              // one-dimensional, taps beyond both ends
  sequence.batch = 2, sequence.in_channels = 2, sequence.out_channels = 16;
  sequence.in[2] = 5, sequence.filter[2] = 9, sequence.pad_lo[2] = 8, sequence.pad_hi[2] = 8;
  ConvShape above = square(2, 4, 9, 1, 8, 1, 16);  // rows of dy that meet padding alone
  above.stride[1] = 5;
  for (ConvShape* one : {&tall, &apart, &gaps, &sequence, &above}) {
    ConvShape& s = *one;
    set_output(s);
    INFO(text(s));
    for (Isa isa : levels()) {
      const std::string variant = prepare_conv(ConvPass::BackwardData, s, DType::F32, isa).variant;
      const bool full = product(s.stride) == 1 && isa < Isa::Avx512;  // of terms of two channels
      CHECK((variant == "overlap-add") == !full);
    }
    check_shape<float>(s, rng);
  }
  const auto variant = [](const ConvShape& s) {
    return std::string(prepare_conv(ConvPass::BackwardData, s, DType::F32).variant);
  };
  CHECK(variant(square(1, 12, 3, 1, 0, 3, 2)) != "overlap-add");      // short sums
  CHECK(variant(square(1, 12, 3, 1, 0, 24, 32)) != "overlap-add");    // full vectors
  CHECK(variant(square(1, 12, 3, 1, 0, 4, 64)) != "overlap-add");     // full of terms
  CHECK(variant(square(1, 12, 1, 1, 0, 3, 32)) != "overlap-add");     // one tap
  CHECK(variant(square(1, 12, 3, 1, 0, 4, 64, 2)) != "overlap-add");  // groups
  ConvShape endless = sequence;
  endless.in[2] = 1 << 18;
  set_output(endless);
  CHECK(variant(endless) != "overlap-add");  // the shares of a row leave the caches
  CHECK(prepare_conv(ConvPass::BackwardData, tall, DType::F32).blocks > 1);
}

TEST_CASE("rows too long to copy whole are cut into pieces") {
  std::mt19937 rng(8);
  ConvShape sequence;  // causal, dilated, one-dimensional
  sequence.batch = 2, sequence.in_channels = 48, sequence.out_channels = 9;
  sequence.in[2] = 540, sequence.filter[2] = 5, sequence.dilation[2] = 2;
  sequence.pad_lo[2] = 8;
  ConvShape image = square(1, 5, 3, 1, 1, 140, 4);
  image.in[2] = 180, image.stride[2] = 1, image.dilation[1] = 2, image.pad_lo[1] = 2;
  ConvShape volume = image;
  volume.in = {2, 2, 180}, volume.filter = {2, 3, 3}, volume.pad_hi = {1, 2, 0};
  for (ConvShape s : {sequence, image, volume}) {
    set_output(s);
    CHECK(std::string(prepare_conv(ConvPass::Forward, s, DType::F32).variant) == "padded, cut");
    check_shape<float>(s, rng);
  }
}

TEST_CASE("the epilogue equals a plain store and separate passes to the bit") {
  std::mt19937 rng(4);
  Threads one(1);
  std::vector<ConvShape> shapes = {
      square(2, 14, 3, 1, 1, 20, 40), square(2, 9, 3, 1, 1, 300, 33),
      square(3, 3, 3, 1, 1, 16, 20),  square(2, 9, 3, 1, 1, 24, 24, 24),
      square(2, 12, 1, 1, 0, 20, 70), square(2, 14, 3, 1, 1, 200, 200, 200)};
  CHECK(prepare_conv(ConvPass::Forward, shapes.back(), DType::F32).splits > 1);
  for (int i = 0; i < 20; ++i) shapes.push_back(random_shape(rng));
  for (const ConvShape& s : shapes) {
    const Problem<float> p(s, rng);
    for (Isa isa : levels()) {
      INFO(text(s), " ", name_of(isa));
      std::vector<float> want = run(p, ConvPass::Forward, isa, one.context);
      for (size_t i = 0; i < want.size(); ++i) {
        want[i] = want[i] + p.bias[i % s.out_channels];
        want[i] = want[i] + p.residual[i];
        want[i] = want[i] < 0 ? 0 : want[i];
      }
      const std::vector<float> got = run(p, ConvPass::Forward, isa, one.context, Close::All);
      CHECK(same_bits(got, want));
      CHECK(largest_difference(got, expected(p, ConvPass::Forward, Close::All)) <=
            2 * tolerance<float>(s, ConvPass::Forward));
      std::vector<float> capped = run(p, ConvPass::Forward, isa, one.context);
      for (size_t i = 0; i < capped.size(); ++i) {
        capped[i] = capped[i] + p.bias[i % s.out_channels];
        capped[i] = capped[i] < 0 ? 0 : capped[i] > 6 ? 6 : capped[i];
      }
      const std::vector<float> cut = run(p, ConvPass::Forward, isa, one.context, Close::Capped);
      CHECK(same_bits(cut, capped));
      CHECK(largest_difference(cut, expected(p, ConvPass::Forward, Close::Capped)) <=
            2 * tolerance<float>(s, ConvPass::Forward));
    }
  }
}

TEST_CASE("an element does not depend on its position") {
  // A constant image gives one value at every output, whatever tile it falls into.
  std::mt19937 rng(5);
  Threads two(2);
  ConvShape s = square(3, 23, 3, 1, 0, 19, 45);
  Problem<float> p(s, rng);
  for (size_t i = 0; i < p.x.size(); ++i) p.x[i] = 0.25f + 0.001f * (i % s.in_channels);
  for (Isa isa : levels()) {
    const std::vector<float> y = run(p, ConvPass::Forward, isa, two.context);
    bool equal = true;
    for (size_t i = 0; i < y.size(); ++i) equal = equal && y[i] == y[i % s.out_channels];
    CHECK_MESSAGE(equal, name_of(isa));
  }
}

TEST_CASE("a NaN passes through the activation") {
  std::mt19937 rng(6);
  Threads one(1);
  Problem<float> p(square(1, 6, 3, 1, 0, 2, 5), rng);
  p.x[0] = NAN;
  for (Isa isa : levels()) {
    for (const Close close : {Close::All, Close::Capped}) {
      const std::vector<float> y = run(p, ConvPass::Forward, isa, one.context, close);
      CHECK(std::isnan(y[0]));
      CHECK_FALSE(std::isnan(y.back()));
    }
  }
}

TEST_CASE("an empty batch writes zeros to the filter gradient and nothing else") {
  std::mt19937 rng(7);
  Threads one(1);
  const Problem<float> p(square(0, 8, 3, 1, 1, 4, 6), rng);
  CHECK(run(p, ConvPass::Forward, active_isa(), one.context).empty());
  CHECK(run(p, ConvPass::BackwardData, active_isa(), one.context).empty());
  const std::vector<float> dw = run(p, ConvPass::BackwardFilter, active_isa(), one.context);
  CHECK(std::all_of(dw.begin(), dw.end(), [](float v) { return v == 0; }));
}

TEST_CASE("a shape that contradicts itself is refused") {
  ConvShape s = square(1, 8, 3, 1, 1, 4, 6);
  s.out[2] = 7;
  CHECK_THROWS(prepare_conv(ConvPass::Forward, s, DType::F32));
  CHECK(conv_output_size(3, 5, 1, 1, 0, 0) == 0);
  CHECK_THROWS(prepare_conv(ConvPass::Forward, square(1, 3, 5, 1, 0, 1, 1), DType::F32));
  CHECK_THROWS(prepare_conv(ConvPass::Forward, square(1, 8, 3, 1, 1, 4, 6, 4), DType::F32));
  CHECK_THROWS(prepare_conv(ConvPass::Forward, square(1, 8, 3, 1, 1, 4, 6), DType::I32));
}
