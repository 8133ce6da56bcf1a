/* What a feature norm does to a feature map, in one read each: measure it, apply (scale, shift) and leaky ReLU, and
 * both of these backwards. `moments.py` and `affine.py` say the same in torch; they are the reference.
 *
 * Maps are float32, channels last: channel c of pixel (h, w) of image n stands at n*image + h*row + w*C + c, so that a
 * crop of a larger map needs no copy. Results are dense. Sums go over pieces of a few rows, which the inner cache
 * holds, and pieces are merged in double and in order: results do not depend on the number of threads.
 *
 * The parallel loops belong to the OpenMP library that torch has loaded; nothing is linked here, so that there are no
 * two pools of threads.
 */

#include <stdlib.h>

int pellucid_kernels_version(void) { return 1; } /* one more with each change of a call; see kernels.py */

#define WIDE 16 /* channels handled at once */
#define PIECE 8192 /* elements of a piece, about: 32 KiB */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ANY_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ANY_CPU
#endif

typedef float wide __attribute__((vector_size(4 * WIDE), aligned(4)));
typedef int wide_bits __attribute__((vector_size(4 * WIDE), aligned(4)));

/* value where z > 0, else slope * value: leaky ReLU for value = z, and its gradient. */
#define LEAKY(z, value, slope) \
    ((wide)((((z) > 0) & (wide_bits)(value)) | (~((z) > 0) & (wide_bits)((value) * (slope)))))

typedef struct {
    long images, height, width, channels;
    long image, row; /* strides of what is read, in elements */
} Shape;

static long min(long a, long b) { return a < b ? a : b; }

/* Rows of a piece, and how many pieces an image has. */
static long piece_rows(const Shape *s) {
    long rows = PIECE / (s->width * s->channels);
    return rows < 1 ? 1 : min(rows, s->height);
}

static long pieces(const Shape *s) { return (s->height + piece_rows(s) - 1) / piece_rows(s); }

/* One piece: mean and summed squared deviations of each channel. */
ANY_CPU
static void measure_piece(const Shape *s, const float *x, long rows, float *mean, float *deviations) {
    const long C = s->channels;
    const float share = 1.0f / (rows * s->width);
    long c = 0;
    for (; c + WIDE <= C; c += WIDE) {
        wide sum[4] = {0};
        for (long h = 0; h < rows; h++) {
            const float *at = x + h * s->row + c;
            long w = 0;
            for (; w + 4 <= s->width; w += 4)
                for (int k = 0; k < 4; k++) sum[k] += *(const wide *)(at + (w + k) * C);
            for (; w < s->width; w++) sum[0] += *(const wide *)(at + w * C);
        }
        const wide middle = ((sum[0] + sum[1]) + (sum[2] + sum[3])) * share;
        wide squares[4] = {0};
        for (long h = 0; h < rows; h++) {
            const float *at = x + h * s->row + c;
            long w = 0;
            for (; w + 4 <= s->width; w += 4)
                for (int k = 0; k < 4; k++) {
                    const wide off = *(const wide *)(at + (w + k) * C) - middle;
                    squares[k] += off * off;
                }
            for (; w < s->width; w++) {
                const wide off = *(const wide *)(at + w * C) - middle;
                squares[0] += off * off;
            }
        }
        *(wide *)(mean + c) = middle;
        *(wide *)(deviations + c) = (squares[0] + squares[1]) + (squares[2] + squares[3]);
    }
    for (; c < C; c++) {
        float sum = 0, squares = 0;
        for (long h = 0; h < rows; h++)
            for (long w = 0; w < s->width; w++) sum += x[h * s->row + w * C + c];
        mean[c] = sum * share;
        for (long h = 0; h < rows; h++)
            for (long w = 0; w < s->width; w++) {
                const float off = x[h * s->row + w * C + c] - mean[c];
                squares += off * off;
            }
        deviations[c] = squares;
    }
}

/* Mean and biased variance (N, C) of maps; pieces are merged after Chan, Golub and LeVeque (1979). */
int pellucid_measure(Shape s, const float *x, float *mean, float *var) {
    const long C = s.channels, rows = piece_rows(&s), many = pieces(&s);
    float *found = malloc(sizeof(float) * 2 * s.images * many * C);
    if (!found) return 1;
#pragma omp parallel for schedule(static)
    for (long i = 0; i < s.images * many; i++) {
        const long n = i / many, top = i % many * rows;
        float *here = found + 2 * i * C;
        measure_piece(&s, x + n * s.image + top * s.row, min(rows, s.height - top), here, here + C);
    }
    for (long n = 0; n < s.images; n++)
        for (long c = 0; c < C; c++) {
            const float *first = found + 2 * n * many * C + c;
            double middle = 0, squares = 0;
            for (long p = 0; p < many; p++) {
                const double share = (double)min(rows, s.height - p * rows) / s.height;
                middle += share * first[2 * p * C];
            }
            for (long p = 0; p < many; p++) {
                const double pixels = (double)min(rows, s.height - p * rows) * s.width;
                const double off = first[2 * p * C] - middle;
                squares += first[(2 * p + 1) * C] + pixels * off * off;
            }
            mean[n * C + c] = (float)middle;
            var[n * C + c] = (float)(squares / ((double)s.height * s.width));
        }
    free(found);
    return 0;
}

ANY_CPU
static void apply_row(long width, long C, const float *x, const float *scale, const float *shift, float slope, float *y) {
    for (long w = 0; w < width; w++, x += C, y += C) {
        long c = 0;
        for (; c + WIDE <= C; c += WIDE) {
            const wide z = *(const wide *)(x + c) * *(const wide *)(scale + c) + *(const wide *)(shift + c);
            *(wide *)(y + c) = LEAKY(z, z, slope);
        }
        for (; c < C; c++) {
            const float z = x[c] * scale[c] + shift[c];
            y[c] = z > 0 ? z : z * slope;
        }
    }
}

/* y = leaky_relu(scale x + shift); scale and shift (N, C), or (1, C) with `each` 0. */
int pellucid_apply(Shape s, const float *x, const float *scale, const float *shift, long each, float slope, float *y) {
    const long C = s.channels;
#pragma omp parallel for schedule(static) collapse(2)
    for (long n = 0; n < s.images; n++)
        for (long h = 0; h < s.height; h++)
            apply_row(s.width, C, x + n * s.image + h * s.row, scale + n * each * C, shift + n * each * C, slope,
                      y + (n * s.height + h) * s.width * C);
    return 0;
}

/* One piece: sums of t and t x, where t is the gradient behind the leaky ReLU. */
ANY_CPU
static void sum_piece(const Shape *s, const float *x, const float *grad, long rows, const float *scale, const float *shift,
                      float slope, float *sum, float *product) {
    const long C = s->channels;
    long c = 0;
    for (; c + WIDE <= C; c += WIDE) {
        const wide a = *(const wide *)(scale + c), b = *(const wide *)(shift + c);
        wide plain[2] = {0}, times[2] = {0};
        for (long h = 0; h < rows; h++) {
            const float *xs = x + h * s->row + c, *gs = grad + h * s->width * C + c;
            long w = 0;
            for (; w + 2 <= s->width; w += 2)
                for (int k = 0; k < 2; k++) {
                    const wide value = *(const wide *)(xs + (w + k) * C), g = *(const wide *)(gs + (w + k) * C);
                    const wide t = LEAKY(value * a + b, g, slope);
                    plain[k] += t;
                    times[k] += t * value;
                }
            for (; w < s->width; w++) {
                const wide value = *(const wide *)(xs + w * C), g = *(const wide *)(gs + w * C);
                const wide t = LEAKY(value * a + b, g, slope);
                plain[0] += t;
                times[0] += t * value;
            }
        }
        *(wide *)(sum + c) = plain[0] + plain[1];
        *(wide *)(product + c) = times[0] + times[1];
    }
    for (; c < C; c++) {
        float plain = 0, times = 0;
        for (long h = 0; h < rows; h++)
            for (long w = 0; w < s->width; w++) {
                const float value = x[h * s->row + w * C + c], g = grad[(h * s->width + w) * C + c];
                const float t = value * scale[c] + shift[c] > 0 ? g : g * slope;
                plain += t;
                times += t * value;
            }
        sum[c] = plain;
        product[c] = times;
    }
}

/* Gradients of scale and shift, (N, C) each. `grad` is dense. */
int pellucid_sum_gradients(Shape s, const float *x, const float *grad, const float *scale, const float *shift, long each,
                           float slope, float *grad_scale, float *grad_shift) {
    const long C = s.channels, rows = piece_rows(&s), many = pieces(&s);
    float *found = malloc(sizeof(float) * 2 * s.images * many * C);
    if (!found) return 1;
#pragma omp parallel for schedule(static)
    for (long i = 0; i < s.images * many; i++) {
        const long n = i / many, top = i % many * rows;
        float *here = found + 2 * i * C;
        sum_piece(&s, x + n * s.image + top * s.row, grad + (n * s.height + top) * s.width * C, min(rows, s.height - top),
                  scale + n * each * C, shift + n * each * C, slope, here, here + C);
    }
    for (long n = 0; n < s.images; n++)
        for (long c = 0; c < C; c++) {
            const float *first = found + 2 * n * many * C + c;
            double plain = 0, times = 0;
            for (long p = 0; p < many; p++) {
                plain += first[2 * p * C];
                times += first[(2 * p + 1) * C];
            }
            grad_shift[n * C + c] = (float)plain;
            grad_scale[n * C + c] = (float)times;
        }
    free(found);
    return 0;
}

ANY_CPU
static void grad_row(long width, long C, const float *x, const float *grad, const float *scale, const float *shift,
                     float slope, const float *offset, const float *slant, float *result) {
    for (long w = 0; w < width; w++, x += C, grad += C, result += C) {
        long c = 0;
        for (; c + WIDE <= C; c += WIDE) {
            const wide value = *(const wide *)(x + c), g = *(const wide *)(grad + c), a = *(const wide *)(scale + c);
            const wide t = LEAKY(value * a + *(const wide *)(shift + c), g, slope);
            *(wide *)(result + c) = t * a + (*(const wide *)(slant + c) * value + *(const wide *)(offset + c));
        }
        for (; c < C; c++) {
            const float t = x[c] * scale[c] + shift[c] > 0 ? grad[c] : grad[c] * slope;
            result[c] = t * scale[c] + (slant[c] * x[c] + offset[c]);
        }
    }
}

/* Gradient of x: scale t through the affine map, and offset + slant x through the moments, (N, C) both. */
int pellucid_gradient(Shape s, const float *x, const float *grad, const float *scale, const float *shift, long each,
                       float slope, const float *offset, const float *slant, float *result) {
    const long C = s.channels;
#pragma omp parallel for schedule(static) collapse(2)
    for (long n = 0; n < s.images; n++)
        for (long h = 0; h < s.height; h++) {
            const long at = (n * s.height + h) * s.width * C;
            grad_row(s.width, C, x + n * s.image + h * s.row, grad + at, scale + n * each * C, shift + n * each * C, slope,
                     offset + n * C, slant + n * C, result + at);
        }
    return 0;
}
