#pragma once
// Constants of Philox and coefficients of the inverse normal distribution, these fitted for this
// project (weighted least squares iterated towards the smallest largest relative error, against
// SciPy's erfinv and erfcinv). With x in (0, 1) the probability of |Z| < z and w = -log(1 - x^2):
//   z = x * P(w - 2.75)        w < 5.5, relative error 1.8e-7
//   z = x * Q(sqrt(w) - 3.5)   w < 22.5, relative error 2.8e-7

namespace ranvier::kernels {

constexpr float kCentralLimit = 5.5f, kCentralShift = 2.75f, kTailShift = 3.5f;
// From the constant up.
constexpr float kCentral[9] = {2.210118532e+00f,  3.455362320e-01f, -7.123094518e-03f,
                               -1.470772200e-03f, 2.965593594e-04f, -1.242450662e-05f,
                               -3.883037152e-06f, 4.999004091e-07f, 1.843903519e-08f};
constexpr float kTail[8] = {4.717087746e+00f,  1.424629807e+00f, 4.663735162e-03f,
                            -2.873276360e-03f, 1.422904548e-03f, -1.060271868e-03f,
                            7.932069129e-04f,  -2.549598285e-04f};
// P(|Z| < 2).
constexpr double kWithinTwo = 0.95449973610364158560;

// Philox 4x32: multipliers, and what the key words grow by each round.
constexpr unsigned kPhiloxM0 = 0xd2511f53u, kPhiloxM1 = 0xcd9e8d57u;
constexpr unsigned kPhiloxW0 = 0x9e3779b9u, kPhiloxW1 = 0xbb67ae85u;
constexpr int kPhiloxRounds = 10;

}  // namespace ranvier::kernels
