"""Array arithmetic, sorting, a transform and a product of matrices."""
import numpy

rng = numpy.random.Generator(numpy.random.PCG64(7))
samples = rng.standard_normal(4_000_000)
samples.sort()
spectrum = numpy.abs(numpy.fft.rfft(samples))
matrix = rng.random((700, 700))
product = matrix @ matrix.T
inverse = numpy.linalg.inv(product + numpy.eye(700))
running = numpy.cumsum(samples) - numpy.roll(samples, 1)
print(round(float(spectrum.max()), 3), round(float(numpy.trace(inverse)), 3), round(float(running[-1]), 3))
