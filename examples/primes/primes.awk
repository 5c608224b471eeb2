# Count the primes from FROM to below TO: a sieve of this piece by every prime whose square lies below TO.
# busybox awk has no sqrt(), so squares are compared instead.
BEGIN {
	from = ENVIRON["FROM"] + 0
	to = ENVIRON["TO"] + 0
	for (p = 2; p * p < to; p++) {
		if (p in small)
			continue
		for (n = p * p; n * n < to; n += p)
			small[n]
		n = p * p
		if (n < from)
			n = int((from + p - 1) / p) * p
		for (; n < to; n += p)
			crossed[n - from]
	}
	for (n = from < 2 ? 2 : from; n < to; n++)
		if (!((n - from) in crossed))
			count++
	print "primes from " from " to below " to ": " count + 0
	print count + 0 > "out/count"
}
