# The same from the formulas: prints the largest relative difference of SE and df. Run after make.R: Rscript check.R
source("../common.R")
j<-fromJSON("sandwich.json")$fits
own <- function(x, y, v, id) {  # CR0, CR2, CR3 of generalised least squares with the fitted V as weight and as target
  vi<-solve(v); M<-solve(t(x)%*%vi%*%x); b<-M%*%t(x)%*%vi%*%y; e<-y-x%*%b; n<-length(y)
  H<-x%*%M%*%t(x)%*%vi; res<-list()
  for (type in c("CR0","CR2","CR3")) {
    G<-list(); meat<-0
    for (g in unique(id)) { i<-which(id==g); vg<-v[i,i,drop=FALSE]; r<-vg-x[i,,drop=FALSE]%*%M%*%t(x[i,,drop=FALSE])
      A<-switch(type, CR0=diag(length(i)), CR3=solve(diag(length(i))-H[i,i]), CR2={D<-chol(vg); B<-D%*%r%*%t(D); ee<-eigen(B,symmetric=TRUE); t(D)%*%ee$vectors%*%diag(1/sqrt(ee$values),length(i))%*%t(ee$vectors)%*%D})
      u<-M%*%t(x[i,,drop=FALSE])%*%vi[i,i]%*%A; s<-u%*%e[i]; meat<-meat+s%*%t(s)
      S<-matrix(0,length(i),n); S[,i]<-diag(length(i)); G[[as.character(g)]]<-u%*%(S-H[i,,drop=FALSE]) }
    df<-sapply(seq_len(ncol(x)),function(c){ g<-sapply(G,function(m) m[c,]); P<-t(g)%*%v%*%g; sum(diag(P))^2/sum(P^2)})
    res[[type]]<-list(se=sqrt(diag(meat)),df=df) }
  res }
cmp<-function(k,o) for(t in names(o)) cat(k,t,max(abs(o[[t]]$se/j[[k]][[t]]$se-1)),max(abs(o[[t]]$df/j[[k]][[t]]$df-1)),"\n")
d<-read.csv("../lmm/clinic.csv"); d$arm<-factor(d$arm,levels=c("placebo","ketamine"))
m<-lmer_tight(y~base+arm*time+(time|id),d); p<-pieces(m); cmp("clinic_slope",own(unname(getME(m,"X")),d$y,p$v,d$id))
s<-read.csv("../simulated/trial_small.csv",na.strings=""); s$arm<-factor(s$arm,levels=c("placebo","ketamine")); s$visit<-factor(s$day)
S<-j$trial_small_us$Sigma; k<-as.integer(s$visit); v<-S[k,k]*outer(s$id,s$id,"=="); cmp("trial_small_us",own(unname(model.matrix(chg~base+arm*visit,s)),s$chg,v,s$id))
s<-read.csv("../gls/negative_cs.csv"); s$arm<-factor(s$arm,levels=c("placebo","ketamine")); k<-s$visit; s$visit<-factor(s$visit)
for (q in c("negative_cs_ar1","negative_cs_csh")) {S<-j[[q]]$Sigma; v<-S[k,k]*outer(s$id,s$id,"=="); cmp(q,own(unname(model.matrix(y~base+arm*visit,s)),s$y,v,s$id))}
