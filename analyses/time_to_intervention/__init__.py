"""How long from referral and from opened investigation to an intervention."""
