# Count the primes from FROM to below TO: a sieve, window by window, by every prime whose square lies below TO.
# busybox awk has no sqrt(), so squares are compared instead; its arrays are slow when large, hence the windows.
BEGIN {
	from = ENVIRON["FROM"] + 0
	to = ENVIRON["TO"] + 0
	for (p = 2; p * p < to; p++) {
		if (p in small)
			continue
		primes[++known] = p
		for (n = p * p; n * n < to; n += p)
			small[n]
	}
	count = 0
	for (start = from < 2 ? 2 : from; start < to; start = end) {
		end = start + 5000 < to ? start + 5000 : to
		split("", crossed)
		for (i = 1; i <= known && primes[i] * primes[i] < end; i++) {
			p = primes[i]
			n = p * p
			if (n < start)
				n = int((start + p - 1) / p) * p
			for (; n < end; n += p)
				crossed[n - start]
		}
		for (n = 0; n < end - start; n++)
			if (!(n in crossed))
				count++
	}
	print "primes from " from " to below " to ": " count
	print count > "out/count"
}
