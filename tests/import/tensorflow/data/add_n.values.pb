
J
aConst*
dtype0*1
value(B&">ƒ>¶¨c¿™˜¿.D¿¨‚ë¾Àà ¿
J
bConst*
dtype0*1
value(B&"$__?R²¾fâ8¿­oª>Â r?=½?
J
cConst*
dtype0*1
value(B&"AÄ—>w†y¾F¾±Ê¾É?@O?
J
yConst*
dtype0*1
value(B&"(p¶?¿q±¿ÿÃ¿0&T¿9”Œ?½+?"ª